"""Answers and images on their way to people and back: tables, files, names, references."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alkit._lazy import lazy_exports

if TYPE_CHECKING:
    from alkit.data.columns import Columns as Columns
    from alkit.data.columns import choose_columns as choose_columns
    from alkit.data.columns import parse_columns as parse_columns
    from alkit.data.text_tables import Table as Table
    from alkit.data.text_tables import is_empty as is_empty
    from alkit.data.text_tables import read_table as read_table
    from alkit.labeling.contents import describe_json as describe_json
    from alkit.labeling.csv_table import COLUMNS as COLUMNS
    from alkit.labeling.csv_table import TableAnswers as TableAnswers
    from alkit.labeling.csv_table import read_answers as read_answers
    from alkit.labeling.csv_table import write_table as write_table
    from alkit.labeling.file_names import find_mark as find_mark
    from alkit.labeling.given_answer import ABSTAIN as ABSTAIN
    from alkit.labeling.given_answer import UNUSABLE as UNUSABLE
    from alkit.labeling.given_answer import GivenAnswer as GivenAnswer
    from alkit.labeling.given_answer import as_index as as_index
    from alkit.labeling.given_answer import as_number as as_number
    from alkit.labeling.given_labels import read_labels as read_labels
    from alkit.labeling.image_files import place as place
    from alkit.labeling.image_files import whole as whole
    from alkit.labeling.mask_files import BACKGROUND as BACKGROUND
    from alkit.labeling.mask_files import VOID_NAME as VOID_NAME
    from alkit.labeling.mask_files import decode_rle as decode_rle
    from alkit.labeling.mask_files import encode_mask as encode_mask
    from alkit.labeling.mask_files import encode_rle as encode_rle
    from alkit.labeling.mask_files import palette as palette
    from alkit.labeling.mask_files import read_colors as read_colors
    from alkit.labeling.mask_folder import about_jpegs as about_jpegs
    from alkit.labeling.mask_folder import masks_beside as masks_beside
    from alkit.labeling.mask_folder import masks_in as masks_in
    from alkit.labeling.mask_folder import read_mask_folder as read_mask_folder
    from alkit.labeling.polygons import outlines as outlines
    from alkit.labeling.references import References as References
    from alkit.labeling.references import UnknownImageError as UnknownImageError
    from alkit.labeling.rejection import Rejection as Rejection
    from alkit.labeling.safe_reading import Element as Element
    from alkit.labeling.safe_reading import Part as Part
    from alkit.labeling.safe_reading import elements as elements
    from alkit.labeling.safe_reading import elements_of as elements_of
    from alkit.labeling.safe_reading import load_json as load_json
    from alkit.labeling.safe_reading import load_json_parts as load_json_parts
    from alkit.labeling.safe_reading import read_text as read_text
    from alkit.labeling.safe_reading import read_tree as read_tree
    from alkit.labeling.times import in_order as in_order
    from alkit.labeling.times import read_time as read_time
    from alkit.utils.files import write_atomically as write_atomically

_HOMES = {
    "alkit.data.columns": ("Columns", "choose_columns", "parse_columns"),
    "alkit.labeling.contents": ("describe_json",),
    "alkit.labeling.csv_table": ("COLUMNS", "TableAnswers", "read_answers", "write_table"),
    "alkit.labeling.file_names": ("find_mark",),
    "alkit.labeling.given_answer": ("ABSTAIN", "UNUSABLE", "GivenAnswer", "as_index", "as_number"),
    "alkit.labeling.given_labels": ("read_labels",),
    "alkit.labeling.mask_files": (
        "BACKGROUND",
        "VOID_NAME",
        "decode_rle",
        "encode_mask",
        "encode_rle",
        "palette",
        "read_colors",
    ),
    "alkit.labeling.mask_folder": ("about_jpegs", "masks_beside", "masks_in", "read_mask_folder"),
    "alkit.labeling.image_files": (
        "place",
        "whole",
    ),
    "alkit.labeling.polygons": ("outlines",),
    "alkit.labeling.references": ("References", "UnknownImageError"),
    "alkit.labeling.rejection": ("Rejection",),
    "alkit.labeling.safe_reading": (
        "Element",
        "Part",
        "elements",
        "elements_of",
        "load_json",
        "load_json_parts",
        "read_text",
        "read_tree",
    ),
    "alkit.data.text_tables": ("Table", "is_empty", "read_table"),
    "alkit.labeling.times": (
        "in_order",
        "read_time",
    ),
    "alkit.utils.files": ("write_atomically",),
}

__all__ = sorted([name for names in _HOMES.values() for name in names])
__getattr__, __dir__ = lazy_exports(__name__, _HOMES, __all__)
