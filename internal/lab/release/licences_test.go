//go:build unix

package release

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pg-canary/pg_canary_exporter/internal/lab"
)

// apache is this repository's own licence.
func apache(t *testing.T) []byte {
	t.Helper()
	content, err := os.ReadFile("../../../LICENSE")
	must(t, err)
	return content
}

const mit = `Copyright (c) 2026 Somebody

Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated documentation files (the "Software"), to deal in the Software without restriction, including without limitation the rights to use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and to permit persons to whom the Software is furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.
`

func TestJudge(t *testing.T) {
	agpl := []byte(`This program is free software: you can redistribute it and/or modify it under the terms of the GNU Affero General Public License as published by the Free Software Foundation, either version 3 of the License, or (at your option) any later version.

This program is distributed in the hope that it will be useful, but WITHOUT ANY WARRANTY; without even the implied warranty of MERCHANTABILITY or FITNESS FOR A PARTICULAR PURPOSE. See the GNU Affero General Public License for more details.

You should have received a copy of the GNU Affero General Public License along with this program. If not, see <http://www.gnu.org/licenses/>.
`)
	for name, test := range map[string]struct {
		texts []text
		want  []string
		fault string
	}{
		"one licence":               {[]text{{"LICENSE", apache(t)}}, []string{"Apache-2.0"}, ""},
		"two, and a notice":         {[]text{{"LICENSE", apache(t)}, {"LICENSE-MIT", []byte(mit)}, {"NOTICE", []byte("By somebody.")}}, []string{"Apache-2.0", "MIT"}, ""},
		"none":                      {nil, nil, "no file has a licence"},
		"a notice alone":            {[]text{{"NOTICE", []byte("By somebody.")}}, nil, "no file has a licence"},
		"one that is not allowed":   {[]text{{"LICENSE", agpl}}, nil, "AGPL-3.0"},
		"one more than is allowed":  {[]text{{"LICENSE", []byte(mit)}, {"COPYING", agpl}}, nil, "AGPL-3.0"},
		"one with a condition more": {[]text{{"LICENSE", []byte(mit + strings.Repeat("The software may not be used on Mondays, nor by anybody who is named so.\n", 40))}}, nil, "read it"},
	} {
		found, err := judge(test.texts)
		if diff := cmp.Diff(test.want, found); diff != "" || (err == nil) != (test.fault == "") || err != nil && !strings.Contains(err.Error(), test.fault) {
			t.Errorf("%s: %v\n%s", name, err, diff)
		}
	}
}

func TestTexts(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"LICENSE", "license.txt", "NOTICE", "COPYING.md", "PATENTS", "licenses.go", "README.md", "LICENCE-MIT"} {
		must(t, os.WriteFile(filepath.Join(dir, name), []byte(name), 0o600))
	}
	texts, err := module{dir: dir}.texts()
	must(t, err)
	var names []string
	for _, found := range texts {
		names = append(names, found.name)
	}
	if diff := cmp.Diff([]string{"COPYING.md", "LICENCE-MIT", "LICENSE", "NOTICE", "PATENTS", "license.txt"}, names); diff != "" {
		t.Error(diff)
	}
}

// TestLicences judges what the exporter really holds.
func TestLicences(t *testing.T) {
	t.Chdir("../../..")
	file := filepath.Join(t.TempDir(), "notices")
	var log lab.Log
	must(t, Licences(t.Context(), file, &log))
	notices, err := os.ReadFile(file)
	must(t, err)
	for _, name := range []string{"Go's standard library", "github.com/jackc/pgx/v5", "github.com/prometheus/client_golang"} {
		if !strings.Contains(string(notices), "==== "+name+" ") || !slices.ContainsFunc(strings.Split(log.String(), "\n"), func(line string) bool { return strings.HasPrefix(line, name+" ") }) {
			t.Errorf("%s is missing in the notices or the log:\n%s", name, log.String())
		}
	}
	if strings.Contains(log.String(), "toxiproxy") {
		t.Errorf("the laboratory's modules are in there:\n%s", log.String())
	}
}
