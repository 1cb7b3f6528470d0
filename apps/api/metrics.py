"""What the API tells Prometheus, besides the HTTP metrics that every service has."""

from prometheus_client import Counter, Gauge, Histogram

ROWS_SERVED = Counter("api_rows_served_total", "Rows sent to clients over HTTP.", ["resource"])
READINGS_WRITTEN = Counter("api_readings_written_total", "Readings that POST /readings took.", ["outcome"])
DATABASE_UNAVAILABLE = Counter("api_database_unavailable_total", "Requests that the database could not serve in time.")

LIVE_CLIENTS = Gauge("api_live_clients", "WebSocket clients connected.")
LIVE_LISTENING = Gauge("api_live_listening", "1 while this process hears of what the database commits.")
LIVE_UPDATES = Counter("api_live_updates_total", "Readings and alerts sent to WebSocket clients, snapshots included.")
LIVE_DROPPED = Counter("api_live_dropped_total", "Readings a slow client never saw, as a newer one replaced them.")
LIVE_CLOSED = Counter("api_live_closed_total", "WebSocket connections that the server ended.", ["reason"])
LIVE_DELAY_SECONDS = Histogram(
    "api_live_delay_seconds",
    "Time from storing a reading to handing it to the WebSocket clients.",
    buckets=(0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 15.0),
)
