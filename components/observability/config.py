"""The section of the configuration that says what observability keeps."""

from pydantic import Field

from components.section import Section, Url


class MonitoringConfig(Section):
    """What observability keeps, and where alerts lead."""

    documentation: Url = Field(
        description="Where the repository's files are shown; alerts link docs/operations.md there",
        examples=["https://github.com/example/example/blob/main"],
    )
    metrics_gib: int = Field(20, ge=5, le=1000, description="Volume for 15 days of metrics", examples=[20])
    telemetry_gib: int = Field(10, ge=1, le=1000, description="Volume for 7 days of logs, and of traces", examples=[10])
