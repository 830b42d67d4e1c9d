"""The HTTP door: GET /ping and POST /invocations as SageMaker calls them. No torch is imported in this folder."""
