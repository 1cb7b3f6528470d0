#!/usr/bin/env bash
# Puts a released program on PATH when what was downloaded has the checksum that stands here.
set -euo pipefail
name=$1
folders=-1 # -1: the download is the program itself; else how many folders of the archive are left out
case $name in
    cosign)
        url=https://github.com/sigstore/cosign/releases/download/v3.0.6/cosign-linux-amd64
        checksum=c956e5dfcac53d52bcf058360d579472f0c1d2d9b69f55209e256fe7783f4c74 ;;
    pulumi)
        url=https://github.com/pulumi/pulumi/releases/download/v3.259.0/pulumi-v3.259.0-linux-x64.tar.gz
        checksum=94ba357acac23d01474084c4b00098dc0f7bc70ce13f34c777459254a5f718e5
        folders=1 ;;
    trivy)
        url=https://github.com/aquasecurity/trivy/releases/download/v0.72.0/trivy_0.72.0_Linux-64bit.tar.gz
        checksum=bbb64b9695866ce4a7a8f5c9592002c5961cab378577fa3f8a040df362b9b2ea
        folders=0 ;;
    *) echo "::error::no program '$name' is pinned: cosign, pulumi, trivy"; exit 1 ;;
esac
bin=$HOME/.local/bin # on PATH of GitHub's machines
[ "$(id -u)" != 0 ] || bin=/usr/local/bin
mkdir -p "$bin"
download=$(mktemp)
trap 'rm -f "$download"' EXIT
curl --fail --silent --show-error --location --retry 3 --output "$download" "$url"
echo "$checksum  $download" | sha256sum --check
if [ "$folders" = -1 ]; then
    install --mode 755 "$download" "$bin/$name"
else
    tar --extract --gzip --file "$download" --directory "$bin" --strip-components "$folders"
fi
command -v "$name"
