"""What every host must do. Subclass in a test module and say, as a fixture, how a ``bench`` is made."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from drp.errors import BugError, ConflictError, DeadlineError, NotFoundError, RejectedError
from drp.model.specs import Attachment, Mount, PublishedPort, VolumeSpec
from drp.testing.host_bench import ENOUGH, LABELS, MISSING_IMAGE, PASSWORD, Bench, password_file, shell


class HostContract:
    """Each test gets a ``bench`` whose hosts hold nothing but their images."""

    def test_state_tells_time_with_its_zone(self, bench: Bench) -> None:
        state = bench.host.state()
        assert state.time.utcoffset() is not None
        assert state.memory > 0
        assert state.cpus > 0

    def test_missing_objects_are_none(self, bench: Bench) -> None:
        assert bench.host.find_container("nothing-here") is None
        assert bench.host.find_network("nothing-here") is None
        assert bench.host.find_volume("nothing-here") is None
        assert not bench.host.has_image(MISSING_IMAGE)

    def test_removing_what_is_gone_is_no_error(self, bench: Bench) -> None:
        bench.host.remove_container("nothing-here")
        bench.host.remove_network("nothing-here")
        bench.host.remove_volume("nothing-here")
        bench.host.disconnect("nothing-here", "nothing-here")

    def test_using_what_is_missing_is_not_found(self, bench: Bench) -> None:
        for call in (
            lambda: bench.host.start_container("nothing-here"),
            lambda: bench.host.stop_container("nothing-here", timedelta(0)),
            lambda: bench.host.read_file("nothing-here", "/etc/passwd"),
            lambda: bench.host.put_files("nothing-here", "/run/secrets", [password_file()]),
            lambda: bench.host.execute("nothing-here", ["true"], ENOUGH),
            lambda: bench.host.connect("nothing-here", "nothing-here", address=None, aliases=()),
            lambda: list(bench.host.save_image(MISSING_IMAGE)),
            lambda: bench.host.create_container(bench.spec("c", image=MISSING_IMAGE)),
        ):
            with pytest.raises(NotFoundError):
                call()

    # networks

    def test_a_network_is_found_as_it_was_made(self, bench: Bench) -> None:
        spec = bench.network(internal=True, host_address=False)
        bench.host.create_network(spec)
        found = bench.host.find_network(spec.name)
        assert found is not None
        assert (found.subnet, found.bridge, found.internal, found.host_address, found.labels) == (
            spec.subnet, spec.bridge, True, False, LABELS,
        )  # fmt: skip
        assert found in bench.host.networks()

    def test_a_network_with_the_host_on_it(self, bench: Bench) -> None:
        spec = bench.network(internal=False, host_address=True, talk=False)
        bench.host.create_network(spec)
        found = bench.host.find_network(spec.name)
        assert found is not None
        assert (found.internal, found.host_address) == (False, True)

    @pytest.mark.parametrize(
        "other",
        [
            {"bridge": "drpother", "subnet": "10.79.0.16/28"},
            {"name": "other-name", "bridge": "drpother"},
            {"name": "other-name", "subnet": "10.79.0.16/28"},
        ],
        ids=["name", "subnet", "bridge"],
    )
    def test_what_a_network_needs_is_taken(self, bench: Bench, other: dict[str, Any]) -> None:
        bench.host.create_network(bench.network())
        with pytest.raises(ConflictError):
            bench.host.create_network(replace(bench.network(), **other))

    def test_a_network_with_a_running_member_stays(self, bench: Bench) -> None:
        network = bench.network()
        bench.host.create_network(network)
        spec = bench.spec("member", attachments=(Attachment(network=network.name, address="10.79.0.4"),))
        bench.host.create_container(spec)
        bench.host.start_container(spec.name)
        with pytest.raises(ConflictError):
            bench.host.remove_network(network.name)
        found = bench.host.find_network(network.name)
        assert found is not None
        assert found.members == {spec.name: "10.79.0.4"}
        bench.host.remove_container(spec.name)
        bench.host.remove_network(network.name)
        assert bench.host.find_network(network.name) is None

    # volumes

    def test_a_volume_is_made_once(self, bench: Bench) -> None:
        spec = VolumeSpec(name=f"{bench.prefix}-data", labels=LABELS)
        bench.host.create_volume(spec)
        with pytest.raises(ConflictError):
            bench.host.create_volume(spec)
        assert bench.host.find_volume(spec.name) == LABELS
        assert bench.host.volumes(LABELS) == [spec.name]
        assert bench.host.volumes({"drp.tenant": "another"}) == []

    def test_a_volume_in_use_stays_and_keeps_its_files(self, bench: Bench) -> None:
        volume = VolumeSpec(name=f"{bench.prefix}-data", labels=LABELS)
        bench.host.create_volume(volume)
        for name in ("first", "second"):
            spec = bench.spec(name, mounts=(Mount(path="/data", volume=volume.name),))
            bench.host.create_container(spec)
            if name == "first":
                bench.host.put_files(spec.name, "/data", [password_file()])
            assert bench.host.read_file(spec.name, "/data/password") == PASSWORD
            with pytest.raises(ConflictError):
                bench.host.remove_volume(volume.name)
            bench.host.remove_container(spec.name)

    def test_a_missing_volume_is_not_invented(self, bench: Bench) -> None:
        spec = bench.spec("c", mounts=(Mount(path="/data", volume=f"{bench.prefix}-data"),))
        with pytest.raises(NotFoundError):
            bench.host.create_container(spec)
        assert bench.host.find_volume(f"{bench.prefix}-data") is None
        assert bench.host.find_container(spec.name) is None

    # containers

    def test_a_container_from_creation_to_removal(self, bench: Bench) -> None:
        spec = bench.spec("c")
        bench.host.create_container(spec)
        made = bench.require("c")
        assert (made.status, made.image, made.spec_digest) == ("created", bench.image, spec.digest())
        assert made.labels.items() >= spec.labels.items()
        bench.host.start_container(spec.name)
        bench.host.start_container(spec.name)
        assert bench.require("c").running
        bench.host.stop_container(spec.name, timedelta(seconds=20))
        bench.host.stop_container(spec.name, timedelta(seconds=20))
        stopped = bench.require("c")
        assert (stopped.status, stopped.exit_code) == ("exited", 0)
        assert [found.name for found in bench.host.containers(LABELS)] == [spec.name]
        assert bench.host.containers({**LABELS, "drp.role": "another"}) == []
        bench.host.remove_container(spec.name)
        assert bench.host.find_container(spec.name) is None

    def test_the_name_of_a_container_is_taken(self, bench: Bench) -> None:
        bench.host.create_container(bench.spec("c"))
        before = bench.require("c")
        with pytest.raises(ConflictError):
            bench.host.create_container(bench.spec("c", "hang"))
        assert bench.require("c") == before

    @pytest.mark.parametrize(
        "change",
        [
            {"mounts": (Mount(path="/host", host_path="/etc"),)},
            {"ports": (PublishedPort(address="0.0.0.0", port=443, container_port=443),)},
        ],
        ids=["mount", "port"],
    )
    def test_what_no_container_may_have(self, bench: Bench, change: dict[str, Any]) -> None:
        with pytest.raises(BugError):
            bench.host.create_container(bench.spec("c", **change))
        assert bench.host.containers(LABELS) == []

    def test_who_made_it_does_not_count_in_the_digest(self, bench: Bench) -> None:
        spec = bench.spec("c")
        bench.host.create_container(replace(spec, labels={**spec.labels, "drp.run": "r1", "drp.step": "s"}))
        made = bench.require("c")
        assert made.spec_digest == spec.digest()
        assert made.spec_digest != bench.spec("c", uid=1001).digest()
        assert made.labels["drp.run"] == "r1"

    def test_all_attachments_or_no_container(self, bench: Bench) -> None:
        network = bench.network()
        bench.host.create_network(network)
        links = (Attachment(network=network.name), Attachment(network=f"{bench.prefix}-missing"))
        with pytest.raises(NotFoundError):
            bench.host.create_container(bench.spec("c", attachments=links))
        assert bench.host.containers(LABELS) == []

    def test_several_attachments(self, bench: Bench) -> None:
        first, second = bench.network("first", 0), bench.network("second", 1)
        for network in (first, second):
            bench.host.create_network(network)
        spec = bench.spec(
            "c",
            attachments=(
                Attachment(network=first.name, address="10.79.0.4", aliases=("db",)),
                Attachment(network=second.name, address="10.79.0.20"),
            ),
        )
        bench.host.create_container(spec)
        assert bench.require("c").networks == {first.name: "", second.name: ""}
        bench.host.start_container(spec.name)
        assert bench.require("c").networks == {first.name: "10.79.0.4", second.name: "10.79.0.20"}

    def test_an_address_belongs_to_one_running_container(self, bench: Bench) -> None:
        network = bench.network()
        bench.host.create_network(network)
        links = (Attachment(network=network.name, address="10.79.0.4"),)
        for name in ("one", "two"):
            bench.host.create_container(bench.spec(name, attachments=links))
        bench.host.start_container(f"{bench.prefix}-one")
        with pytest.raises(ConflictError):
            bench.host.start_container(f"{bench.prefix}-two")
        bench.host.stop_container(f"{bench.prefix}-one", timedelta(seconds=20))
        bench.host.start_container(f"{bench.prefix}-two")
        assert bench.require("two").networks == {network.name: "10.79.0.4"}

    @pytest.mark.parametrize("running", [True, False], ids=["running", "created"])
    def test_disconnect_and_connect(self, bench: Bench, running: bool) -> None:
        near, far = bench.network("near", 0), bench.network("far", 1)
        for network in (near, far):
            bench.host.create_network(network)
        spec = bench.spec("c", attachments=(Attachment(network=near.name), Attachment(network=far.name)))
        bench.host.create_container(spec)
        if running:
            bench.host.start_container(spec.name)
        bench.host.disconnect(far.name, spec.name)
        bench.host.disconnect(far.name, spec.name)
        assert list(bench.require("c").networks) == [near.name]
        bench.host.connect(far.name, spec.name, address="10.79.0.21", aliases=("api",))
        with pytest.raises(ConflictError):
            bench.host.connect(far.name, spec.name, address="10.79.0.22", aliases=())
        bench.host.start_container(spec.name)
        assert bench.require("c").networks[far.name] == "10.79.0.21"

    # files

    def test_files_are_there_before_the_start_and_after_a_restart(self, bench: Bench) -> None:
        spec = bench.spec("c", mounts=(bench.secrets("c"),))
        bench.host.create_container(spec)
        bench.host.put_files(spec.name, "/run/secrets", [password_file()])
        for _ in range(2):
            bench.host.start_container(spec.name)
            result = bench.host.execute(spec.name, shell("read"), ENOUGH)
            assert (result.exit_code, result.output) == (4, PASSWORD.decode())
            assert bench.host.execute(spec.name, shell("owner"), ENOUGH).output == "0:1001 440\n"
            bench.host.stop_container(spec.name, timedelta(seconds=20))

    def test_files_under_run_outlive_their_container(self, bench: Bench) -> None:
        spec = bench.spec("c", mounts=(bench.secrets("c"),))
        bench.host.create_container(spec)
        bench.host.put_files(spec.name, "/run/secrets", [password_file()])
        bench.host.remove_container(spec.name)
        bench.host.create_container(spec)
        assert bench.host.read_file(spec.name, "/run/secrets/password") == PASSWORD

    def test_a_missing_file_is_none(self, bench: Bench) -> None:
        spec = bench.spec("c", mounts=(bench.secrets("empty"),))
        bench.host.create_container(spec)
        assert bench.host.read_file(spec.name, "/run/secrets/nothing") is None

    @pytest.mark.parametrize("directory", ["/etc", "/run/secrets"])
    def test_what_is_read_only_takes_no_files(self, bench: Bench, directory: str) -> None:
        mount = replace(bench.secrets("c"), read_only=True)
        spec = bench.spec("c", mounts=(mount,))
        bench.host.create_container(spec)
        with pytest.raises(RejectedError, match="read-only"):
            bench.host.put_files(spec.name, directory, [password_file()])

    # commands

    def test_the_exit_code_of_a_command_is_told(self, bench: Bench) -> None:
        result = bench.host.execute(bench.run("c", "serve"), shell("fail"), ENOUGH)
        assert result.exit_code == 3
        assert sorted(result.output.split()) == ["before", "reason"]

    def test_long_output_of_a_command_is_whole(self, bench: Bench) -> None:
        result = bench.host.execute(bench.run("c", "serve"), shell("wide"), ENOUGH)
        assert (result.exit_code, len(result.output)) == (0, 3000001)

    def test_a_command_that_does_not_end(self, bench: Bench) -> None:
        name = bench.run("c", "serve")
        with pytest.raises(DeadlineError, match="no end within 2s"):
            bench.host.execute(name, shell("hang"), timedelta(seconds=2))

    def test_a_stopped_container_executes_nothing(self, bench: Bench) -> None:
        spec = bench.spec("c")
        bench.host.create_container(spec)
        with pytest.raises(RejectedError, match="not running"):
            bench.host.execute(spec.name, shell("read"), ENOUGH)

    # one-shots

    def test_a_one_shot_reads_its_input_and_is_gone(self, bench: Bench) -> None:
        data = bytes(range(250)) * 1200
        lines = list(bench.host.run_once(bench.once("job", "digest"), data, ENOUGH))
        assert lines == [hashlib.sha256(data).hexdigest().encode() + b"  -"]
        assert bench.host.containers(LABELS) == []

    def test_all_lines_come_in_order(self, bench: Bench) -> None:
        lines = list(bench.host.run_once(bench.once("job", "count"), b"", ENOUGH))
        assert lines == [*(f"line {number}".encode() for number in range(20000)), b"end"]

    def test_a_long_line_is_one_line(self, bench: Bench) -> None:
        assert list(bench.host.run_once(bench.once("job", "wide"), b"", ENOUGH)) == [b"x" * 3000000]

    def test_a_failed_one_shot_gives_its_lines_then_its_reason(self, bench: Bench) -> None:
        lines = bench.host.run_once(bench.once("job", "fail"), b"", ENOUGH)
        assert next(lines) == b"before"
        with pytest.raises(RejectedError, match="exit code 3: reason"):
            next(lines)
        assert bench.host.containers(LABELS) == []

    def test_a_one_shot_that_does_not_end(self, bench: Bench) -> None:
        lines = bench.host.run_once(bench.once("job", "hang"), b"", timedelta(seconds=3))
        with pytest.raises(DeadlineError, match="no end within 3s"):
            list(lines)
        assert bench.host.containers(LABELS) == []

    def test_a_one_shot_that_is_given_up_is_gone(self, bench: Bench) -> None:
        lines = bench.host.run_once(bench.once("job", "count"), b"", ENOUGH)
        next(lines)
        lines.close()
        assert bench.host.containers(LABELS) == []

    def test_a_left_over_one_shot_makes_room(self, bench: Bench) -> None:
        bench.run("job", "serve")
        assert list(bench.host.run_once(bench.once("job", "count"), b"", ENOUGH))[-1] == b"end"

    def test_a_one_shot_stands_on_its_networks(self, bench: Bench) -> None:
        network = bench.network()
        bench.host.create_network(network)
        links = (Attachment(network=network.name, address="10.79.0.10"),)
        lines = bench.host.run_once(replace(bench.once("job", "hang"), attachments=links), b"", ENOUGH)
        assert next(lines) == b"begun"
        found = bench.host.find_network(network.name)
        assert found is not None
        assert found.members == {f"{bench.prefix}-job": "10.79.0.10"}
        lines.close()

    def test_a_one_shot_that_joins_a_container_has_its_network(self, bench: Bench) -> None:
        network = bench.network()
        bench.host.create_network(network)
        spec = bench.spec("c", attachments=(Attachment(network=network.name, address="10.79.0.4"),))
        bench.host.create_container(spec)
        bench.host.start_container(spec.name)
        once = replace(bench.once("job", "hang"), join=bench.require("c").id)
        lines = bench.host.run_once(once, b"", ENOUGH)
        assert next(lines) == b"begun"
        assert bench.require("job").networks == {}
        lines.close()
        assert bench.require("c").networks == {network.name: "10.79.0.4"}

    def test_what_does_not_run_is_not_joined(self, bench: Bench) -> None:
        bench.host.create_container(bench.spec("c"))
        for joined in (bench.require("c").id, "0" * 64):
            with pytest.raises((RejectedError, NotFoundError, ConflictError)):
                list(bench.host.run_once(replace(bench.once("job", "count"), join=joined), b"", ENOUGH))
        assert [found.name for found in bench.host.containers(LABELS)] == [f"{bench.prefix}-c"]

    # images

    def test_an_image_travels_and_keeps_its_id(self, bench: Bench) -> None:
        assert not bench.other.has_image(bench.image_only_here)
        bench.other.load_image(bench.host.save_image(bench.image_only_here))
        assert bench.other.has_image(bench.image_only_here)

    def test_what_is_no_image_is_not_loaded(self, bench: Bench) -> None:
        with pytest.raises(RejectedError):
            bench.other.load_image(iter([b"no tar"]))

    def test_a_cut_image_is_not_loaded(self, bench: Bench) -> None:
        whole = b"".join(bench.host.save_image(bench.image))
        with pytest.raises(RejectedError):
            bench.other.load_image(iter([whole[: len(whole) // 2]]))

    # looks

    def test_a_look_gives_its_output_and_leaves_nothing(self, bench: Bench) -> None:
        spec = bench.once("look", "digest")
        stdin = b"x" * 300000
        lines = list(bench.host.look_once(spec, stdin, ENOUGH))
        assert lines[-1].split()[0].decode() == hashlib.sha256(stdin).hexdigest()
        assert bench.host.find_container(spec.name) is None

    @pytest.mark.parametrize(
        "power",
        [
            {"mounts": (Mount(path="/data", volume="any"),)},
            {"attachments": (Attachment(network="any"),)},
            {"ports": (PublishedPort(address="192.0.2.1", port=80, container_port=80),)},
            {"capabilities": ("CHOWN",)},
            {"sysctls": {"net.ipv4.ip_forward": "1"}},
            {"uid": 0},
        ],
        ids=lambda power: next(iter(power)),
    )
    def test_a_look_can_change_nothing(self, bench: Bench, power: dict[str, Any]) -> None:
        spec = replace(bench.once("look", "digest"), **power)
        with pytest.raises(BugError, match="cannot look from"):
            list(bench.host.look_once(spec, b"", ENOUGH))
