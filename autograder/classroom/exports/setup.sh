#!/usr/bin/env bash
# Gradescope runs this once, as root, while it builds the image in which submissions are graded.
set -euo pipefail

base=${AUTOGRADER_BASE:-/autograder}
export DEBIAN_FRONTEND=noninteractive

apt-get update -qq
apt-get install -y -qq --no-install-recommends bubblewrap ca-certificates util-linux
if ! python3.11 -c 'import ensurepip' 2>/dev/null; then
    if grep -q '^ID=ubuntu' /etc/os-release; then
        # Ubuntu ships another Python; this is where its users get the others.
        apt-get install -y -qq --no-install-recommends software-properties-common
        add-apt-repository -y ppa:deadsnakes/ppa
        apt-get update -qq
    fi
    apt-get install -y -qq --no-install-recommends python3.11 python3.11-venv
fi

python3.11 -m venv "$base/env"
"$base/env/bin/python" -m pip install --disable-pip-version-check --no-cache-dir -q -r "$base/source/requirements.txt"
# The answers stay shut to any other user, should a student's code run as one outside of the sandbox.
chmod -R go-rwx "$base/source/solutions" "$base/source/autograder/checks"
