"""Which rows the run must show, out of `expected.toml`. As a program: prints them as JSON for the clients."""

import json
import sys
import tomllib
from dataclasses import dataclass
from fnmatch import fnmatchcase


@dataclass(frozen=True)
class Expected:
    sdks: dict
    signatures: list
    credentials: list
    groups: list

    @classmethod
    def load(cls, path):
        with open(path, "rb") as file:
            return cls(**tomllib.load(file))

    def rows(self):
        """(SDK, method, version, credentials) of every expected row, in order."""
        for sdk in self.sdks:
            for method in self.methods():
                for variant in self.variants():
                    if self.without(method, sdk, variant) is None:
                        yield sdk, method["id"], *variant

    def methods(self):
        return [method for group in self.groups for method in group["methods"]]

    def variants(self):
        return [(signature, credentials) for signature in self.signatures for credentials in self.credentials]

    def without(self, method, sdk, variant):
        """Why there is no such row; None when there is one."""
        path = "/".join((sdk, *variant))
        if not fits(method.get("only", "*"), path):
            return ""
        reasons = (reason for pattern, reason in method.get("except", {}).items() if fits(pattern, path))
        return next(reasons, None)


def fits(pattern, path):
    parts = pattern.split("/")
    return all(fnmatchcase(part, wanted) for part, wanted in zip(path.split("/"), parts))


if __name__ == "__main__":
    names = ("sdk", "method", "signature", "credentials")
    json.dump([dict(zip(names, row)) for row in Expected.load(sys.argv[1]).rows()], sys.stdout)
