"""What is configured, and that no secret is."""

import re

from ..config import SECRETS, SECRETS_DIR, environment_name, settings_of
from ..render import ROOT, containers, name_of, of_kind, pod_spec

# Settings that hold a secret itself; each has a brother that names a file.
SECRET_KEYS = {"secret", "secrets", "hmac_secret", "access_key_id", "access_key_secret", "security_token", "pem"}
# What secrets look like.
SECRET_TEXTS = re.compile(
    r"postgres(ql)?://|whsec_[A-Za-z0-9+/]|\bLTAI[A-Za-z0-9]{8}|\bSTS\.[A-Za-z0-9]{8}|PRIVATE KEY|\beyJ[A-Za-z0-9_-]{8}"
)


def entries(value, path=()):
    """Every (path, value) below a table, deepest first."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from entries(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from entries(inner, (*path, index))
    else:
        yield path, value


def no_secret_is_written_down(docs):
    yield from (f"{name_of(doc)} is in the manifests" for doc in of_kind(docs, "Secret"))
    for name, text, settings in settings_of(docs):
        yield from (f"{name}: something like a secret in `{line.strip()}`" for line in text.splitlines() if SECRET_TEXTS.search(line))
        for path, _ in entries(settings):
            named = [key for key in path if isinstance(key, str)]
            if SECRET_KEYS & set(named[1:]) or named == ["store", "url"]:
                yield f"{name}: {'.'.join(named)} belongs into a file"
    for container in containers(docs):
        for variable in container.get("env", []):
            if re.search("SECRET|TOKEN|PASSWORD|STORE__URL|ACCESS_KEY", variable["name"]) and "value" in variable:
                yield f"{container['name']}: {variable['name']} is written out"


def secret_files_are_mounted(docs):
    """What the settings read is what the Secret is documented to hold, at the place where it is mounted."""
    volumes = {volume["name"]: volume for volume in pod_spec(docs)["volumes"]}
    for container in containers(docs):
        mounts = {mount["mountPath"]: mount for mount in container.get("volumeMounts", [])}
        mount = mounts.get(SECRETS_DIR, {})
        secret = volumes.get(mount.get("name"), {}).get("secret", {})
        if secret.get("secretName") != "oss-valet" or not mount.get("readOnly") or secret.get("defaultMode") != 0o440:
            yield f"{container['name']}: {SECRETS_DIR} is {mount}, {secret}"
    for name, _, settings in settings_of(docs):
        used = {value for path, value in entries(settings) if str(path[-1]).endswith("_file")}
        known = {f"{SECRETS_DIR}/{file}" for file in SECRETS}
        if used != known:
            yield f"{name}: reads {sorted(used)}, the Secret holds {sorted(known)}"


def containers_find_their_settings(docs):
    """The generated ConfigMap is mounted where the image looks, and holds the file of the environment that is said."""
    dockerfile = (ROOT / "deploy/Dockerfile").read_text()
    looked_for = re.search(r"^WORKDIR (\S+)$", dockerfile.partition("FROM ${BASE}")[2], re.MULTILINE).group(1) + "/config"
    maps = {map_["metadata"]["name"]: map_["data"] for map_ in of_kind(docs, "ConfigMap")}
    volumes = {volume["name"]: volume for volume in pod_spec(docs)["volumes"]}
    for container in containers(docs):
        mounts = {mount["mountPath"]: mount for mount in container.get("volumeMounts", [])}
        mount = mounts.get(looked_for, {})
        data = maps.get(volumes.get(mount.get("name"), {}).get("configMap", {}).get("name"), {})
        wanted = f"{environment_name(container)}.toml"
        if list(data) != [wanted] or not mount.get("readOnly"):
            yield f"{container['name']}: reads {looked_for}/{wanted}, there is {list(data)} by {mount}"


POLICIES = [no_secret_is_written_down, secret_files_are_mounted, containers_find_their_settings]
