"""Accounts of annotators: made over the organisation's invitation link, as a person would."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass

import httpx

from labeling.labelstudio.client import LabelStudio
from schemas.errors import BadInput, NotAuthorised, ServiceUnavailable

CSRF = re.compile(r'name="csrfmiddlewaretoken"\s+value="([^"]+)"')
EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")


@dataclass(frozen=True)
class Account:
    """An annotator's account as it was made just now; the only moment at which its password is known."""

    user: int
    email: str
    password: str
    token: str


def make_account(client: LabelStudio, email: str, password: str | None = None) -> Account:
    """Sign a new annotator up and log in once, so that the account exists and works.

    Parameters
    ----------
    client : LabelStudio
        An account of the organisation, which gives the invitation.
    email : str
        The login; no mail is ever sent to it.
    password : str, optional
        One is made by default.

    Raises
    ------
    BadInput
        The address is none, or is taken; says so.
    """
    if not EMAIL.fullmatch(email):
        raise BadInput("an annotator's login must look like an e-mail address", got=email)
    password = password or secrets.token_urlsafe(9)
    page = client.url + client.invitation()
    with httpx.Client(timeout=60, follow_redirects=False, trust_env=False) as browser:
        form = _form(browser, page)
        answer = browser.post(
            page,
            data=form | {"email": email, "password": password, "allow_newsletters": "false"},
            headers={"Referer": page},
        )
        if answer.status_code != httpx.codes.FOUND:
            raise BadInput(
                "Label Studio does not make the account", got=email, todo="Is there one with this login already?"
            )
        return _account(browser, client.url, email, password)


def log_in(url: str, email: str, password: str) -> Account:
    """Log in to an account that is there, for its token.

    Raises
    ------
    NotAuthorised
        The password is not that of the account.
    """
    page = url + "/user/login/"
    with httpx.Client(timeout=60, follow_redirects=False, trust_env=False) as browser:
        form = _form(browser, page)
        answer = browser.post(page, data=form | {"email": email, "password": password}, headers={"Referer": page})
        if answer.status_code != httpx.codes.FOUND:
            raise NotAuthorised(f"{url}: the password of {email} is refused.")
        return _account(browser, url, email, password)


def _account(browser: httpx.Client, url: str, email: str, password: str) -> Account:
    """The account that is logged in, with its token."""
    token = browser.get(url + "/api/current-user/token")
    me = browser.get(url + "/api/current-user/whoami")
    if not (token.is_success and me.is_success):
        raise ServiceUnavailable(f"{url}: the account {email} was made but cannot log in.")
    return Account(int(me.json()["id"]), email, password, str(token.json()["token"]))


def _form(browser: httpx.Client, page: str) -> dict[str, str]:
    try:
        answer = browser.get(page)
    except httpx.TransportError as error:
        raise ServiceUnavailable(f"{page.split('/user')[0]}: Label Studio does not answer.") from error
    found = CSRF.search(answer.text)
    if not found:
        raise ServiceUnavailable(f"{page.split('?')[0]}: no sign-up form there ({answer.status_code}).")
    return {"csrfmiddlewaretoken": found.group(1)}
