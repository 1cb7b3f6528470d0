"""The operations, a module for each resource."""

from apps.api.operation import Resource
from apps.api.routes import alerts, devices, readings

RESOURCES: tuple[Resource, ...] = (devices.DEVICES, readings.READINGS, alerts.ALERTS)
