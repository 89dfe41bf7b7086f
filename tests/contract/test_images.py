"""One contract over the kinds of image stores: a folder, fsspec's memory, and the S3 protocol."""

from __future__ import annotations

import io
import logging
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from importlib.util import find_spec

import boto3
import pytest
from moto.server import ThreadedMotoServer
from PIL import Image

from limner.errors import ConfigError, ImagesDown
from limner.pictures.expiry import prune, sweep
from limner.pictures.image_store import Images
from limner.pictures.retention import fit
from limner.pictures.thumbnails import thumbnail
from limner.settings import Settings

NOW = datetime(2027, 1, 15, 12, tzinfo=UTC)
BASE = "https://draw.example/images"
BUCKET = "pictures"


@pytest.fixture(scope="module")
def s3_server():
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def s3(s3_server, monkeypatch):
    """The environment in which `s3://` is that server, with an empty bucket; its client."""
    for name, value in {
        "AWS_ENDPOINT_URL": s3_server,
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_DEFAULT_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)
    client = boto3.client("s3")
    client.create_bucket(Bucket=BUCKET)
    yield client
    listed = client.list_objects_v2(Bucket=BUCKET).get("Contents", [])
    for row in listed:
        client.delete_object(Bucket=BUCKET, Key=row["Key"])
    client.delete_bucket(Bucket=BUCKET)
    client.close()


@pytest.fixture(params=["folder", "file", "memory", "s3"])
def images(request, tmp_path):
    match request.param:
        case "folder":
            store = str(tmp_path / "images")
        case "file":
            store = f"file://{tmp_path}/images/"
        case "memory":
            store = f"memory://{tmp_path.name}"
        case "s3":
            request.getfixturevalue("s3")
            store = f"s3://{BUCKET}/limner"
    return Images(store, BASE)


def a_picture(width: int, height: int, kind: str = "PNG") -> bytes:
    data = io.BytesIO()
    Image.new("RGB", (width, height), (200, 90, 10)).save(data, kind)
    return data.getvalue()


def test_what_was_put_is_found_under_its_key(images):
    key = images.put("drawings", b"a picture", "png", NOW)

    assert key.startswith("drawings/20270115/")
    assert key.endswith(".png")
    assert images.has(key)
    assert images.get(key) == b"a picture"


def test_two_pictures_never_share_a_key(images):
    assert images.put("drawings", b"1", "png", NOW) != images.put("drawings", b"2", "png", NOW)


def test_another_process_sees_it_at_once(images):
    other = Images(images._store, BASE)
    absent = "drawings/20270115/" + "0" * 32 + ".png"
    assert not other.has(absent)

    images.put_as(absent, b"late")

    assert other.has(absent)
    assert other.get(absent) == b"late"


def test_what_is_not_there_is_a_key_error(images):
    absent = "drawings/20270115/" + "0" * 32 + ".png"

    assert not images.has(absent)
    with pytest.raises(KeyError):
        images.get(absent)


@pytest.mark.parametrize(
    "key",
    ["", "drawings", "../secret", "drawings/../../etc/passwd", "s3://other/key", "/etc/passwd"],
)
def test_what_is_no_key_of_ours_is_never_looked_for(images, key):
    assert not images.has(key)
    with pytest.raises(KeyError):
        images.get(key)
    with pytest.raises(KeyError):
        images.put_as(key, b"")
    with pytest.raises(KeyError):
        images.delete(key)


def test_a_deleted_picture_is_gone_and_may_be_deleted_again(images):
    key = images.put("spool", b"text", "txt", NOW)

    images.delete(key)
    images.delete(key)

    assert not images.has(key)


def test_a_key_is_found_in_its_url_also_after_the_base_was_changed(images):
    key = images.put("drawings", b"a picture", "png", NOW)

    assert images.url(key) == f"{BASE}/{key}"
    assert images.key_of(images.url(key)) == key
    assert Images(images._store, "https://cdn.example").key_of(images.url(key)) == key
    with pytest.raises(KeyError):
        images.key_of("https://elsewhere.example/picture.png")


def test_prune_drops_whole_old_days_of_one_kind(images):
    kept = images.put("drawings", b"new", "png", NOW - timedelta(days=29))
    other = images.put("previews", b"old too", "png", NOW - timedelta(days=40))
    old = [images.put("drawings", b"old", "png", NOW - timedelta(days=age)) for age in (31, 40, 40)]

    assert prune(images, "drawings", 30, NOW, dry=True).days == ("20261206", "20261215")
    assert images.has(old[0])
    assert prune(images, "drawings", 30, NOW).days == ("20261206", "20261215")

    assert [images.has(key) for key in (kept, other, *old)] == [True, True, False, False, False]
    assert prune(images, "drawings", 30, NOW).days == ()


def test_what_callers_sent_inline_outlives_the_longest_wait(images):
    settings = Settings(waiting_limit_s=10 * 86_400.0, preview_keep_days=1.0)
    kept = images.put("spool", b"text", "txt", NOW - timedelta(days=11))
    old = images.put("spool", b"text", "txt", NOW - timedelta(days=13))

    sweep(images, settings, NOW)

    assert (images.has(kept), images.has(old)) == (True, False)


def test_a_thumbnail_is_made_once_and_goes_with_its_day(images):
    key = images.put("drawings", a_picture(1024, 512), "png", NOW)

    small = thumbnail(images, key, 256)

    with Image.open(io.BytesIO(small)) as seen:
        assert (seen.size, seen.format) == ((256, 128), "PNG")
    kept_at = key.replace("drawings", "thumbs").replace(".png", "-256.png")
    assert images.get(kept_at) == small
    images.put_as(kept_at, b"as kept")
    assert thumbnail(images, key, 256) == b"as kept"
    assert prune(images, "thumbs", 30, NOW + timedelta(days=32)).days == ("20270115",)
    assert not images.has(kept_at)


def test_many_threads_may_use_one_store(images):
    keys: list[str] = []

    def work(number: int) -> None:
        key = images.put("drawings", str(number).encode(), "png", NOW)
        assert images.get(key) == str(number).encode()
        keys.append(key)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(set(keys)) == 16


def test_objects_of_a_bucket_lie_under_its_prefix(s3):
    key = Images(f"s3://{BUCKET}/limner", BASE).put("drawings", b"a picture", "png", NOW)

    assert [row["Key"] for row in s3.list_objects_v2(Bucket=BUCKET)["Contents"]] == [
        f"limner/{key}"
    ]


def test_a_store_that_is_down_is_told_from_a_picture_that_is_not_there(s3, monkeypatch):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        nobody = unused.getsockname()[1]
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{nobody}")
    images = Images(f"s3://{BUCKET}", BASE)
    key = "drawings/20270115/" + "0" * 32 + ".png"

    for call in (
        lambda: images.put("drawings", b"", "png", NOW),
        lambda: images.get(key),
        lambda: images.has(key),
        lambda: images.delete(key),
        lambda: prune(images, "drawings", 30, NOW),
    ):
        with pytest.raises(ImagesDown):
            call()


def test_a_store_that_hangs_is_given_up_in_time(s3, monkeypatch):
    monkeypatch.setattr("limner.pictures.image_store.ANSWER_S", 0.3)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{silent.getsockname()[1]}")
        images = Images(f"s3://{BUCKET}", BASE)
        for call in (
            lambda: images.put("drawings", b"", "png", NOW),
            lambda: images.get("drawings/20270115/" + "0" * 32 + ".png"),
            lambda: images.has("drawings/20270115/" + "0" * 32 + ".png"),
        ):
            with pytest.raises(ImagesDown):
                call()


def test_a_bucket_that_is_not_there_keeps_nothing(s3):
    with pytest.raises(ImagesDown):
        Images("s3://nowhere", BASE).put("drawings", b"", "png", NOW)


def test_a_full_or_forbidden_folder_keeps_nothing(tmp_path):
    (tmp_path / "images").write_text("a file in the way")
    with pytest.raises(ImagesDown):
        Images(str(tmp_path / "images"), BASE).put("drawings", b"", "png", NOW)


def test_a_write_that_breaks_off_leaves_no_half_picture(tmp_path, monkeypatch):
    def breaks(source, target):
        raise OSError("no space left")

    images = Images(str(tmp_path), BASE)
    monkeypatch.setattr("limner.pictures.image_folder.os.replace", breaks)

    with pytest.raises(ImagesDown):
        images.put("drawings", b"half", "png", NOW)

    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_an_unknown_store_is_refused_by_its_setting():
    with pytest.raises(ConfigError, match="LIMNER_IMAGE_STORE: teleport:// is unknown"):
        Images("teleport://bucket", BASE)


@pytest.mark.skipif(find_spec("ossfs") is not None, reason="its library is installed")
def test_a_store_without_its_library_is_refused_and_names_the_extra():
    with pytest.raises(ConfigError, match=r"oss:// needs a library: pip install 'limner\[oss\]'"):
        Images("oss://bucket", BASE)


def test_the_settings_say_where_pictures_are_and_what_their_urls_begin_with(tmp_path):
    settings = Settings(data_dir=tmp_path, public_url="https://draw.example")
    by_default = Images.of(settings)
    key = by_default.put("drawings", b"a picture", "png", NOW)
    assert (tmp_path / "images" / key).read_bytes() == b"a picture"
    assert by_default.url(key) == f"https://draw.example/images/{key}"

    chosen = Settings(image_store="memory://elsewhere", image_url="https://cdn.example/pictures")
    assert Images.of(chosen).url(key) == f"https://cdn.example/pictures/{key}"


def test_a_bucket_is_measured_and_keeps_what_fits_too(s3):
    images = Images(f"s3://{BUCKET}/limner", BASE)
    now = datetime.now(UTC)
    keys = [images.put("drawings", b"x" * 1000, "png", now) for _ in range(2)]
    spool = images.put("spool", b"x" * 1000, "txt", now)

    assert fit(images, None, now).sizes_bytes == {"drawings": 2000, "previews": 0, "thumbs": 0}
    # The server says when each was stored: now.
    assert fit(images, 0, now).files == 0
    assert fit(images, 0, now + timedelta(hours=2)).files == 2
    assert [images.has(key) for key in (*keys, spool)] == [False, False, True]


# -- which bucket it is ---------------------------------------------------------------------------


@pytest.fixture
def bucket(s3, store):
    """Make another process's view of a place in the bucket."""
    return lambda prefix="limner": Images(f"s3://{BUCKET}/{prefix}", BASE, store.folders)


def test_a_bucket_has_one_identity_for_all_and_each_place_in_it_its_own(bucket):
    assert bucket().identity() is None

    identity = bucket().identity(make=True)

    assert bucket().identity() == bucket().identity(make=True) == identity
    assert bucket("other").identity(make=True) not in (None, identity)


def test_processes_that_begin_with_a_bucket_at_once_agree(bucket):
    places = [bucket() for _ in range(4)]
    with ThreadPoolExecutor(len(places)) as pool:
        made = list(pool.map(lambda images: images.identity(make=True), places))

    assert len(set(made)) == 1


def test_an_identity_that_a_rule_deleted_is_written_again_by_who_knew_it(bucket, s3):
    images = bucket()
    identity = images.identity(make=True)
    s3.delete_object(Bucket=BUCKET, Key="limner/.limner-store")

    images.check()

    assert bucket().identity() == identity


def test_a_bucket_that_was_emptied_is_another_store(bucket, s3, monkeypatch):
    monkeypatch.setattr("limner.pictures.image_bucket.FIRST_S", 0.0)
    identity = bucket().identity(make=True)
    s3.delete_object(Bucket=BUCKET, Key="limner/.limner-store")

    assert bucket().identity(make=True) not in (None, identity)


def test_a_bucket_is_adopted_as_it_is(bucket):
    assert bucket().adopt() == bucket().identity()


def test_a_login_in_a_url_is_not_shown():
    assert Images("s3://key:secret@bucket/limner/", BASE).shown == "s3://bucket/limner"
