# Two stages: the first installs into a folder of its own, the second holds only Python and that folder.
FROM python:3.12-slim AS build
WORKDIR /src
COPY constraints.txt pyproject.toml README.md LICENSE ./
COPY bot ./bot
RUN python -m venv /opt/bot
RUN /opt/bot/bin/pip install --no-cache-dir --constraint constraints.txt .

FROM python:3.12-slim
RUN useradd --system --uid 10001 --home-dir /data --shell /usr/sbin/nologin bot \
    && install -d -o bot -g bot -m 700 /data
COPY --from=build /opt/bot /opt/bot
COPY config.yaml /app/config.yaml
COPY prompts /app/prompts
ENV PATH=/opt/bot/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    BOT_CONFIG=/app/config.yaml \
    BOT_DATA_DIR=/data \
    BOT__SERVER__HOST=0.0.0.0
WORKDIR /app
USER bot
VOLUME /data
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=10s \
    CMD ["python", "-c", "import os, urllib.request as http; http.urlopen('http://127.0.0.1:' + os.environ.get('BOT__SERVER__PORT', '8000') + '/healthz', timeout=4)"]
CMD ["bot", "run"]
