"""A stand-in for the SageMaker runtime: takes InvokeEndpointAsync as the SDK sends it and behaves as documented.

Sources: the service model of `sagemaker-runtime` (botocore), and "Asynchronous inference" in the SageMaker developer
guide. It calls the real container, writes its answer to S3 and publishes the documented notifications to SNS, all with
the container's role. Tests may tell it to misbehave (`faults.py`).
"""
