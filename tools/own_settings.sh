# Sourced by scripts of tools/: has uv, pip, Python and Go install what the script asks for, and where it does.
# Of the user's settings for them, those stay that say how to reach an index or a proxy, whom to trust, and where caches
# lie; the rest (another environment, a user's site, no development packages, another system) would half succeed.

for variable in $(env | sed -n 's/^\(UV_[A-Z0-9_]*\)=.*/\1/p; s/^\(PIP_[A-Z0-9_]*\)=.*/\1/p; s/^\(PYTHON[A-Z0-9_]\{1,\}\)=.*/\1/p'); do
    case $variable in
    *INDEX* | *FIND_LINKS* | *MIRROR* | *HOST* | *PROXY* | *CERT* | *_TLS | *KEYRING* | *CREDENTIALS* | *NETRC*) ;;
    *CACHE* | *CONFIG* | *TIMEOUT* | *RETRIES* | *CONCURRENT* | *OFFLINE | *LINK_MODE | *_INSTALL_DIR | *_DOWNLOADS) ;;
    *) unset "$variable" ;;
    esac
done
unset VIRTUAL_ENV CONDA_PREFIX GOBIN GOEXPERIMENT
export UV_PROJECT_ENVIRONMENT="$PWD/.venv"
export PIP_USER=0 # its configuration file may say otherwise
# uv trusts a list of its own; a company's authority is in the system's
for store in /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt /etc/ssl/ca-bundle.pem /etc/ssl/cert.pem; do
    [ ! -s "$store" ] || [ -n "${UV_NATIVE_TLS:-}" ] || export UV_SYSTEM_CERTS="${UV_SYSTEM_CERTS:-true}"
done
export GO111MODULE=on GOWORK=off
export GOOS=linux GOARCH=amd64 GOAMD64=v1 # likewise
