"""Between an SDK and the network. Both Python SDKs send with `requests` and take an adapter of it."""

import requests
from requests.adapters import HTTPAdapter


class Tap(HTTPAdapter):
    """Shows every request, as it is about to be sent, to whoever asked for it; they may alter it, or lose it."""

    def __init__(self):
        super().__init__(pool_maxsize=10)
        self.watchers = []
        self.falsifiers = []

    def watch(self, look):
        """Calls `look` with each request from now on; the list that comes back grows by what it answers."""
        seen = []
        self.watchers.append(lambda request: seen.append(look(request)))
        return seen

    def send(self, request, *args, **kwargs):
        for watcher in self.watchers:
            watcher(request)
        response = super().send(request, *args, **kwargs)
        for falsify in self.falsifiers:
            falsify(response)
        return response


class NoNetworkError(requests.ConnectionError):
    """What an SDK sees of a network that is gone."""
