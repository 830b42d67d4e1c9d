"""One verb per file: functions that take data and ports and return data."""
