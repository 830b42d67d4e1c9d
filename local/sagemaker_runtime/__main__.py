"""Run as `python -m local.sagemaker_runtime --port 4567 --emulator http://127.0.0.1:4566`."""

from __future__ import annotations

import argparse
import logging
import os

import uvicorn

from local.sagemaker_runtime.app import build_app
from local.sagemaker_runtime.cloud import Cloud


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--emulator", required=True, help="address of the emulator")
    parser.add_argument("--region", default="us-east-1")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    app = build_app(Cloud(arguments.emulator, arguments.region), os.environ["AFTERIMAGE_CREDENTIALS_TOKEN"])
    uvicorn.run(app, host=arguments.host, port=arguments.port, access_log=False, log_level="warning")


if __name__ == "__main__":
    main()
