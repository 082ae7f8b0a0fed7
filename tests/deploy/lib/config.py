"""The settings inside a ConfigMap, and what `oss-valet check` says of them."""

import json
import os
import subprocess
import tempfile
import tomllib
from pathlib import Path

from .render import ROOT, of_kind

SECRETS_DIR = "/etc/oss-valet/secrets"
DEFAULTS = tomllib.loads((ROOT / "config/default.toml").read_text())

# What ack-pod-identity-webhook puts into the service's container.
RRSA = {
    "ALIBABA_CLOUD_ROLE_ARN": "acs:ram::123456789012:role/oss-valet",
    "ALIBABA_CLOUD_OIDC_PROVIDER_ARN": "acs:ram::123456789012:oidc-provider/ack-rrsa-c1",
    "ALIBABA_CLOUD_OIDC_TOKEN_FILE": "/var/run/secrets/ack.alibabacloud.com/rrsa-tokens/token",
}

# The files of the Secret, as docs/deploy.md and the example make them; values that are good enough to be judged.
SECRETS = {
    "database-url": "postgres://oss_valet:not-a-password@db.example.com:5432/oss_valet?sslmode=verify-full",
    "seal-k1": "a text of at least thirty-two bytes, for checking only",
    "webhook": "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=",
}


def environment_name(container):
    """Which settings the container reads."""
    said = [variable["value"] for variable in container.get("env", []) if variable["name"] == "OSS_VALET_ENV"]
    return said[0] if said else "production"


def settings_of(docs):
    """(file name, text, parsed) of each settings file in the ConfigMaps."""
    maps = of_kind(docs, "ConfigMap")
    return [(name, text, tomllib.loads(text)) for map_ in maps for name, text in map_["data"].items()]


def setting(settings, section, key):
    """The value, or the default of config/default.toml."""
    return settings.get(section, {}).get(key, DEFAULTS.get(section, {}).get(key))


def seconds(duration):
    """Of `30s`, `10m`, `500ms`."""
    for ending, factor in (("ms", 0.001), ("s", 1), ("m", 60), ("h", 3600)):
        if duration.endswith(ending) and duration.removesuffix(ending).isdigit():
            return int(duration.removesuffix(ending)) * factor
    raise AssertionError(f"`{duration}`: a duration of one unit was expected")


def check(text, env, environment, replaced, files):
    """What `oss-valet check --json` says: `text` as {env}.toml, paths replaced, `files` lying where they then point to."""
    with tempfile.TemporaryDirectory() as folder:
        for name, content in files.items():
            (Path(folder) / name).write_text(content)
        for path in replaced:
            text = text.replace(path, folder)
        (Path(folder) / f"{env}.toml").write_text(text)
        command = [os.environ["BINARY"], "check", "--json", "--config", folder, "--env", env]
        run = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
        return json.loads(run.stdout)
