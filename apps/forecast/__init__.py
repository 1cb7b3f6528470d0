"""What devices will probably measure in the next day, and how sure that is (docs/forecasts.md)."""
