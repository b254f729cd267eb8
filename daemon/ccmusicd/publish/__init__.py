"""Consumers of the hub: web, MQTT and the timeline; none knows another."""
