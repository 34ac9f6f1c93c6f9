# SAM2 Painter with its offline engine: docker build -t sam2-painter . && docker run -p 127.0.0.1:7860:7860 sam2-painter
FROM python:3.12-slim

ENV PYTHONUNBUFFERED=1 \
    PIP_NO_CACHE_DIR=1 \
    SAM2_PAINTER_HOST=0.0.0.0 \
    SAM2_PAINTER_DATA_DIR=/data

WORKDIR /app

# What the program needs changes less often than the program.
COPY requirements.txt ./
RUN pip install -r requirements.txt

COPY pyproject.toml README.md LICENSE app.py ./
COPY sam2_painter ./sam2_painter

RUN useradd --system --create-home painter \
    && mkdir /data && chown painter: /data
USER painter
VOLUME /data
EXPOSE 7860

HEALTHCHECK --interval=30s --timeout=10s --start-period=90s CMD ["python", "-c", "\
import os, urllib.request; \
port = next((os.environ[n] for n in ('SAM2_PAINTER_PORT', 'PORT') if os.environ.get(n)), '7860'); \
urllib.request.urlopen(f'http://127.0.0.1:{port}/api/health', timeout=9)"]

ENTRYPOINT ["python", "app.py"]
