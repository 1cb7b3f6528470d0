"""Metrics of the gateway. Requests and their statuses are counted as in every service (`apps.platform.http`)."""

from prometheus_client import Counter, Gauge, Histogram

READINGS_ACCEPTED = Counter("gateway_readings_accepted_total", "Readings that the stream acknowledged.")
READINGS_REJECTED = Counter(
    "gateway_readings_refused_total", "Readings that were not acceptable, by the kind of their fault.", ["fault"]
)
OVERLOADED = Counter("gateway_overloaded_total", "Uploads refused because too much was under way already.")
LIMITED = Counter(
    "gateway_limited_total", "Uploads refused because their device had its share already, by the limit.", ["limit"]
)
UPLOADS_IN_FLIGHT = Gauge("gateway_uploads_in_flight", "Uploads under way.")
IN_FLIGHT_BODY_BYTES = Gauge("gateway_body_bytes", "Bytes of bodies that have arrived and are being read.")

PUTS = Counter("gateway_puts_total", "PutRecords calls, by how they ended: whole, partial or failed.", ["outcome"])
PUT_SECONDS = Histogram(
    "gateway_put_duration_seconds",
    "Time of one PutRecords call.",
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0),
)
RECORDS_ACKNOWLEDGED = Counter("gateway_records_acknowledged_total", "Records that the stream acknowledged.")
RECORDS_RETRIED = Counter("gateway_records_retried_total", "Records put again after a failure, by its code.", ["code"])
RECORDS_FAILED = Counter("gateway_records_failed_total", "Records not acknowledged in time: the device must resend.")
IN_FLIGHT_RECORD_BYTES = Gauge(
    "gateway_record_bytes", "Bytes reserved for records that wait for their acknowledgement."
)

KNOWN_CREDENTIALS = Gauge("gateway_known_credentials", "Credentials of devices that hold, as far as is known.")
REVOCATIONS_AGE = Gauge(
    "gateway_revocations_age_seconds", "Seconds since the database last said what was revoked; infinite: never yet."
)
UNAUTHORISED = Counter(
    "gateway_unauthorised_total", "Uploads refused for what they prove themselves with, by what was wrong.", ["reason"]
)
