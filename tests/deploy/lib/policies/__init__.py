"""What every rendering of the manifests must keep to. A policy is a function from objects to what is wrong with them."""

from . import pods, settings, traffic

ALL = pods.POLICIES + traffic.POLICIES + settings.POLICIES
