"""What the daemon is asked for when a container starts; the daemon is made up."""

from types import SimpleNamespace

from acceptance.docker.engine import Engine


def test_a_container_gets_no_proxy_of_the_users_docker(tmp_path):
    asked = []

    def create(image, **options):
        asked.append(options)
        return SimpleNamespace(start=lambda: None)

    class MadeUp(Engine):
        docker = SimpleNamespace(
            create=create,
            host=lambda: "localhost",
            client_networks_create=lambda *given: None,
            client=SimpleNamespace(
                images=SimpleNamespace(get=lambda image: None),
                api=SimpleNamespace(create_endpoint_config=lambda aliases: {}),
            ),
        )

    MadeUp("run", tmp_path, lambda text: None, lambda: None).start("mlflow", "image", ["mlflow"])
    assert [options["use_config_proxy"] for options in asked] == [False]
