"""The keys that sign for Teams: changed, forged, not endorsed, and not to be had for a while."""

from __future__ import annotations

from teams_world import TeamsWorld, pressed

from suture.sandbox.teams.signer import Key


def test_new_keys_are_found_and_a_flood_of_unknown_ones_costs_one_look(tw: TeamsWorld) -> None:
    tw.unguarded()
    assert tw.space.send(pressed(tw, name="x"))[0] == 200
    looks = len([c for c in tw.space.calls if c[1] == "/keys"])
    tw.space.keys = [Key()]
    assert tw.d.teams_signers is not None
    tw.d.teams_signers._kept = (0.0, *tw.d.teams_signers._kept[1:])
    assert tw.space.send(pressed(tw, name="x"))[0] == 200, "the keys were changed"
    for _ in range(20):
        assert tw.space.send(pressed(tw), tw.space.proof(Key()))[0] == 401
    assert len([c for c in tw.space.calls if c[1] == "/keys"]) - looks <= 2


def test_a_key_that_is_not_endorsed_for_teams_signs_nothing(tw: TeamsWorld) -> None:
    tw.unguarded()
    other = Key("webchat")
    tw.space.keys.append(other)
    assert tw.space.send(pressed(tw, name="x"), tw.space.proof(other))[0] == 401


def test_the_keys_that_are_known_stand_while_their_place_is_down(tw: TeamsWorld) -> None:
    tw.unguarded()
    tw.space.fail(500, times=100, only="GET /openid")
    assert tw.space.send(pressed(tw))[0] == 503
    tw.space.faults.clear()
    assert tw.space.send(pressed(tw, name="x"))[0] == 200
    assert tw.d.teams_signers is not None
    tw.d.teams_signers._kept = (-1e9, *tw.d.teams_signers._kept[1:])
    tw.space.fail(500, times=100, only="GET /openid")
    assert tw.space.send(pressed(tw, name="x"))[0] == 200


def test_metadata_that_names_keys_elsewhere_is_not_believed(tw: TeamsWorld) -> None:
    tw.unguarded()
    tw.space.metadata = {"jwks_uri": "http://169.254.169.254/keys"}
    assert tw.space.send(pressed(tw))[0] == 503
