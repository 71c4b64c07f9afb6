"""Reports on models: the table as data, as text for people, as JSON, CSV and Markdown for programs."""
