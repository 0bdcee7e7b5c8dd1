"""The page's own look: ink on paper, light and dark, set in fonts that ship with Gradio.

Nothing here is fetched from a network. Knows colours and spacing, not what the page holds.
"""

from __future__ import annotations

from pathlib import Path

from gradio.themes import Base
from gradio.themes.utils import colors, sizes
from gradio.themes.utils.fonts import LocalFont

from .viewer.offline import palette_css

HERE = Path(__file__).parent

INK = colors.Color(
    name="ink", c50="#f7f6f2", c100="#efede7", c200="#e2dfd6", c300="#cbc7bb", c400="#9a978d", c500="#6c6a63",
    c600="#53524d", c700="#3a3a38", c800="#262729", c900="#1a1b1e", c950="#131417",
)  # fmt: skip
BLUE = colors.Color(
    name="sea", c50="#eef4fb", c100="#dbe8f6", c200="#bbd3ee", c300="#8fb6e2", c400="#6ea2dc", c500="#3c7bc0",
    c600="#2a66a8", c700="#235389", c800="#1d4168", c900="#16304c", c950="#0e2033",
)  # fmt: skip


def theme() -> Base:
    """The Gradio theme of all pages."""
    # 400 and 700 only: the files that Gradio ships for the weights between hold no Latin letters.
    base = Base(
        primary_hue=BLUE, neutral_hue=INK, radius_size=sizes.radius_lg, text_size=sizes.text_md,
        font=[LocalFont("IBM Plex Sans", weights=(400, 700)), "system-ui", "sans-serif"],
        font_mono=[LocalFont("IBM Plex Mono", weights=(400, 700)), "ui-monospace", "monospace"],
    )  # fmt: skip
    return base.set(**_surfaces(), **_buttons(), **_inputs())


def _surfaces() -> dict[str, str]:
    return {
        "body_background_fill": "#f7f6f2", "body_background_fill_dark": "#131417",
        "body_text_color": "#1d1f24", "body_text_color_dark": "#ecebe6",
        "body_text_color_subdued": "#5d5c57", "body_text_color_subdued_dark": "#a9a8a2",
        "background_fill_primary": "#ffffff", "background_fill_primary_dark": "#1c1d21",
        "background_fill_secondary": "#f7f6f2", "background_fill_secondary_dark": "#17181b",
        "border_color_primary": "#e2dfd6", "border_color_primary_dark": "#34353a",
        "block_background_fill": "transparent", "block_background_fill_dark": "transparent",
        "block_border_width": "0px", "block_border_width_dark": "0px", "block_shadow": "none",
        "block_padding": "0px", "block_label_background_fill": "transparent",
        "block_label_background_fill_dark": "transparent", "block_label_border_width": "0px",
        "block_label_border_width_dark": "0px",
        "block_title_text_weight": "600", "block_title_text_size": "*text_sm",
        "block_title_text_color": "*body_text_color", "block_title_text_color_dark": "*body_text_color",
        "block_info_text_color": "*body_text_color_subdued", "block_info_text_color_dark": "*body_text_color_subdued",
        "block_info_text_size": "*text_xs",
        "form_gap_width": "0px", "layout_gap": "14px",
        "panel_background_fill": "transparent", "panel_background_fill_dark": "transparent",
    }  # fmt: skip


def _buttons() -> dict[str, str]:
    return {
        "button_primary_background_fill": "#22304a", "button_primary_background_fill_hover": "#31456a",
        "button_primary_background_fill_dark": "#e8e5db", "button_primary_background_fill_hover_dark": "#ffffff",
        "button_primary_text_color": "#ffffff", "button_primary_text_color_dark": "#17181b",
        "button_primary_text_color_hover": "#ffffff", "button_primary_text_color_hover_dark": "#17181b",
        "button_primary_border_color": "transparent", "button_primary_border_color_dark": "transparent",
        "button_secondary_background_fill": "#ffffff", "button_secondary_background_fill_dark": "#26272c",
        "button_secondary_background_fill_hover": "#efede7", "button_secondary_background_fill_hover_dark": "#313239",
        "button_secondary_border_color": "#cbc7bb", "button_secondary_border_color_dark": "#44464d",
        "button_secondary_text_color": "#1d1f24", "button_secondary_text_color_dark": "#ecebe6",
        "button_border_width": "1px", "button_border_width_dark": "1px",
        "button_large_text_weight": "600", "button_small_text_weight": "400", "button_medium_text_weight": "600",
    }  # fmt: skip


def _inputs() -> dict[str, str]:
    return {
        "input_background_fill": "#ffffff", "input_background_fill_dark": "#1c1d21",
        "input_border_color": "#cbc7bb", "input_border_color_dark": "#44464d",
        "input_border_color_focus": "*primary_500", "input_border_color_focus_dark": "*primary_400",
        "input_border_width": "1px", "input_border_width_dark": "1px",
        "input_placeholder_color": "#75736c", "input_placeholder_color_dark": "#8d8c86",
        "input_shadow": "none", "input_shadow_focus": "0 0 0 3px #3c7bc033",
        "input_shadow_focus_dark": "0 0 0 3px #6ea2dc44",
        "checkbox_label_background_fill": "transparent", "checkbox_label_background_fill_dark": "transparent",
        "checkbox_label_border_width": "0px", "checkbox_label_padding": "0px", "checkbox_label_shadow": "none",
        "checkbox_border_width": "1px", "checkbox_border_color": "#9a978d", "checkbox_border_color_dark": "#75736c",
    }  # fmt: skip


def css() -> str:
    """All style sheets of the page in one, after the noun colours."""
    sheets = [file for file in sorted(HERE.rglob("*.css")) if file.name != "offline.css"]
    return "\n".join([palette_css(), *(file.read_text(encoding="utf-8") for file in sheets)])
