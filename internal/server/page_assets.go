package server

import (
	"bytes"
	"encoding/hex"
	"hash/fnv"
	"html/template"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/pg-canary/pg_canary_exporter/internal/status"
)

// runbooks is where the pages' links to runbooks lead, as those of the alerts do.
const runbooks = documentation + "/blob/main/docs/runbooks/"

// pageFuncs are what the templates call.
var pageFuncs = template.FuncMap{
	"ago":         status.Ago,
	"sentence":    sentence,
	"runbook":     func(alert string) string { return runbooks + alert + ".md" },
	"seconds":     func(d time.Duration) string { return strconv.FormatFloat(d.Seconds(), 'f', 1, 64) },
	"stamp":       func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
	"clock":       func(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") },
	"pathOf":      url.PathEscape,
	"plus":        func(a, b int) int { return a + b },
	"minus":       func(a, b int) int { return a - b },
	"stripWidth":  func() int { return status.StripWidth },
	"stripHeight": func() int { return status.StripHeight },
}

// sentence begins a text with a capital, and ends it with a full stop.
func sentence(text string) string {
	if text == "" {
		return ""
	}
	return strings.ToUpper(text[:1]) + strings.TrimSuffix(text[1:], ".") + "."
}

// assetTypes are the files that a browser may have.
var assetTypes = map[string]string{
	"status.css": "text/css; charset=utf-8", "status.js": "text/javascript; charset=utf-8", "icon.svg": "image/svg+xml",
}

// serveAsset answers with a file that a page loads. Its address has the sum of all of them, so that it may be kept.
func serveAsset(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("file")
	kind, ok := assetTypes[name]
	content, err := assets.ReadFile("assets/" + name)
	if !ok || err != nil {
		http.NotFound(w, r)
		return
	}
	securePage(w.Header())
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Cache-Control", "public, max-age=86400")
	http.ServeContent(w, r, name, time.Time{}, bytes.NewReader(content))
}

// hashOfAssets tells the files of this exporter apart from those of another version.
func hashOfAssets() string {
	sum := fnv.New32a()
	for _, name := range []string{"icon.svg", "status.css", "status.js"} {
		content, _ := assets.ReadFile("assets/" + name) // They are part of the program.
		_, _ = sum.Write(content)
	}
	return hex.EncodeToString(sum.Sum(nil))
}
