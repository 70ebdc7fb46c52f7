# The broker; with --build-arg SERVER=mock-echo the echo service.
FROM rust:1-slim-bookworm AS build
ARG SERVER=broker
RUN apt-get update && apt-get install -y --no-install-recommends gcc libc6-dev
WORKDIR /source
COPY . .
RUN cargo build --release --locked -p "$SERVER" && cp "target/release/$SERVER" /server

FROM debian:bookworm-slim
RUN useradd --create-home --uid 10001 server
USER server
WORKDIR /home/server
COPY --from=build /server /usr/local/bin/server
# PORT opens all interfaces; the broker then wants BROKER_USERNAME and
# BROKER_PASSWORD.
ENV PORT=8080
EXPOSE 8080
ENTRYPOINT ["/usr/local/bin/server"]
