"""The HTTP edge: shapes of bodies, problem documents, who calls. pydantic is imported here and nowhere further in."""
