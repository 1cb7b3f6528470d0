"""SLOs, alert rules and dashboards as data that refers to the services' metric objects."""
