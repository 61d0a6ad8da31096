# Salon for workers of a cluster: `docker build -t salon .`, then as the image of a Prefect work pool.
# torch comes from pip's own settings, or from --build-arg TORCH_INDEX=<address of PyTorch's CPU packages>.
FROM python:3.11-slim
ARG TORCH_INDEX=
RUN useradd --create-home salon
WORKDIR /salon
COPY pyproject.toml constraints.txt README.md ./
COPY schemas schemas
COPY curation curation
COPY labeling labeling
COPY warehouse warehouse
COPY flows flows
RUN if [ -n "$TORCH_INDEX" ]; then \
        pip install --no-cache-dir --constraint constraints.txt --index-url "$TORCH_INDEX" torch torchvision; \
    fi \
    && pip install --no-cache-dir --constraint constraints.txt ".[s3,ray]"
USER salon
ENV SALON_ROOT=/data PYTHONUNBUFFERED=1
ENTRYPOINT ["salon"]
CMD ["--help"]
