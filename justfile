# The way to work on this project with DynamoDB Local in a container. `just` comes with
# `pip install rust-just`, nox with `pip install nox`; every recipe is one line that can be run by hand.

# What there is
[private]
default:
    @{{ quote(just_executable()) }} --justfile {{ quote(justfile()) }} --list

# Check the tools, fetch and start DynamoDB Local, make its table and the local key
setup:
    nox -s workspace -- setup

# Start DynamoDB Local and wait until it answers (DYNAMODB_PORT: another port than 8000)
up:
    nox -s workspace -- up

# Wait until DynamoDB Local answers, a minute at most
wait-ready:
    nox -s workspace -- wait-ready

# Stop DynamoDB Local; its data stays
down:
    nox -s workspace -- down

# The project's own tests, then the suite on DynamoDB Local in a container of its own
test:
    nox -s tests
    nox -s conformance -- --target dynamodb --engine compose --require-engine real

# Remove the volume, the local database and the local key; asks first (--dry-run, --yes)
nuke *options:
    nox -s workspace -- nuke {{ options }}
