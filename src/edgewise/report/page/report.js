// The page of a finished audit or study.
if (by("groups")) groupViewer()(JSON.parse(by("group-data").textContent));
