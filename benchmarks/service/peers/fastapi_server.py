"""Plain FastAPI, written well: the work in threads, one thread of ONNX Runtime a session."""

import sys

import uvicorn
from fastapi import FastAPI, HTTPException, Request
from pipeline import Pipeline
from starlette.concurrency import run_in_threadpool

app = FastAPI()
pipeline = Pipeline(sys.argv[1], sys.argv[2], threads=1)


@app.post("/predict")
async def predict(request: Request) -> dict[str, object]:
    """Answer one image."""
    data = await request.body()
    try:
        return await run_in_threadpool(pipeline.answer, data)
    except OSError as err:
        raise HTTPException(422, "not an image") from err


uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[3]), log_level="warning", access_log=False)
