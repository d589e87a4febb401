"""The header of a signed request, as an app writes it."""

from idp.app_key import SCHEME, Claim


def authorization_of(claim: Claim) -> str:
    return f"{SCHEME} key={claim.key}, time={claim.time}, nonce={claim.nonce}, signature={claim.signature}"
