"""The command itself: version, help, exit codes."""

import eagle_mllm


def test_the_version_is_printed(eagle):
    result = eagle("--version")
    assert (result.exit_code, result.stdout) == (0, f"eagle {eagle_mllm.__version__}\n")


def test_without_a_command_the_help_lists_the_commands(eagle):
    result = eagle()
    assert result.exit_code == 0
    for command in ("explain", "show", "scene", "demo"):
        assert command in result.stdout


def test_the_help_of_the_parser_is_named_in_its_errors(eagle):
    result = eagle("explain", "--n-regions", "many", "x.png")
    assert result.exit_code == 2
    assert result.stderr.startswith("eagle: error: Invalid value for '--n-regions'")
    assert result.stderr.endswith("(see eagle explain --help)\n")
