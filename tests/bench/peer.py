"""The peer: Hugo, Debian's package, printing the same product pages.

The same rows, each as a content file with JSON front matter (of its formats the one this version reads fastest; a
data file cannot become pages in it), and a template that gives the same bytes but for the name of the style sheet.
Its multilingual mode, taxonomies, section pages and RSS are off, file times are not synchronized, minification is
off. It prints a sitemap, robots.txt and 404.html, as platen does.
"""

import json
import os
import shutil

from stage import HERE


def make_site(stage, rows):
    """Writes the content files. Returns the site's folder."""
    folder = stage.fresh("hugo-site")
    shutil.copytree(os.path.join(HERE, "hugo"), folder)
    content = os.path.join(folder, "content", "en", "products")
    os.makedirs(content)
    for row in rows:
        front = {
            "title": row["name"],
            "date": row["updated_at"],
            "description": row["description"],
            "price": str(row["price"]),
            "currency": row["currency"],
            "image_url": row["image_url"],
            "category": row["category"]["name"],
        }
        with open(os.path.join(content, row["slug"] + ".md"), "w", encoding="utf-8") as file:
            file.write(json.dumps(front, ensure_ascii=False) + "\n")
    return folder


def version(stage):
    """"hugo 0.111.3"."""
    return "Hugo " + stage.run(["hugo", "version"])[1].split()[1].split("+")[0].lstrip("v")


def build(stage, site):
    """Hugo, then sync of the file system it wrote to. Returns (Cost, folder)."""
    out = stage.fresh("hugo")
    command = 'hugo --quiet --noTimes --source "$0" --destination "$1" && sync -f "$1"'
    return stage.run(["sh", "-c", command, site, out])[0], out
