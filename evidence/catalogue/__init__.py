"""The catalogue: tables, queries, jobs and migrations. The one place that knows SQL."""
