"""The browser of the page tests, for the component tests."""

from tests.browser.conftest import chromium  # noqa: F401  a fixture
