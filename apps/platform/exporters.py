"""Metrics of the programs around us, in the words of their own exporters, so that queries name objects here as well.

No process of ours exports them: `registry=None`.
"""

from prometheus_client import Counter, Gauge

# Prometheus, for every target.
UP = Gauge("up", "1 when the last scrape of the target worked.", registry=None)

ALERTS = Gauge(
    "ALERTS", "1 for each alert that is pending or firing.", ["alertname", "alertstate", "severity"], registry=None
)

# Alertmanager.
NOTIFICATIONS_FAILED = Counter(
    "alertmanager_notifications_failed_total",
    "Messages that could not be delivered, after every try.",
    ["integration"],
    registry=None,
)

# Loki.
LOG_LINES = Counter("loki_distributor_lines_received_total", "Lines that were sent to be kept.", registry=None)

# The library in every Python process.
PROCESS_CPU = Counter("process_cpu_seconds_total", "CPU time of the process.", registry=None)
PROCESS_MEMORY = Gauge("process_resident_memory_bytes", "Resident memory of the process.", registry=None)

# The kubelet.
CONTAINER_CPU = Counter(
    "container_cpu_usage_seconds_total", "CPU time of a container.", ["namespace", "pod", "container"], registry=None
)

# Node exporter.
NODE_CPU = Counter("node_cpu_seconds_total", "CPU time of the node.", ["cpu", "mode"], registry=None)
NODE_MEMORY = Gauge("node_memory_MemTotal_bytes", "Memory of the node.", registry=None)
NODE_MEMORY_AVAILABLE = Gauge("node_memory_MemAvailable_bytes", "Memory that programs can still get.", registry=None)
NODE_DISK = Gauge(
    "node_filesystem_size_bytes", "Size of a file system.", ["device", "fstype", "mountpoint"], registry=None
)
NODE_DISK_AVAILABLE = Gauge(
    "node_filesystem_avail_bytes", "Bytes left of a file system.", ["device", "fstype", "mountpoint"], registry=None
)

# kube-state-metrics.
POD_RESTARTS = Counter(
    "kube_pod_container_status_restarts_total",
    "Restarts of a container.",
    ["namespace", "pod", "container"],
    registry=None,
)
CRONJOB_SCHEDULED = Gauge(
    "kube_cronjob_status_last_schedule_time",
    "When a run of the CronJob was last started, in seconds since 1970.",
    ["namespace", "cronjob"],
    registry=None,
)
CRONJOB_SUCCEEDED = Gauge(
    "kube_cronjob_status_last_successful_time",
    "When a run of the CronJob last succeeded, in seconds since 1970.",
    ["namespace", "cronjob"],
    registry=None,
)
