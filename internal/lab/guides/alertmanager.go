//go:build unix

package guides

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/pg-canary/pg_canary_exporter/internal/lab"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/install"
)

// alerting starts an Alertmanager with the repository's configuration, which the page finds where it works.
func alerting(ctx context.Context, s *stage) error {
	manager, err := install.Alertmanager(ctx, io.Discard)
	if err != nil {
		return err
	}
	programs := filepath.Join(s.dir, "bin")
	if err := s.account.MakeDir(programs); err != nil {
		return err
	}
	for _, name := range []string{"alertmanager", "amtool"} {
		if err := place(filepath.Join(filepath.Dir(manager), name), filepath.Join(programs, name)); err != nil {
			return err
		}
	}
	s.path = append(s.path, programs)
	text, err := os.ReadFile("prometheus/alertmanager.yml")
	if err != nil {
		return err
	}
	if err := s.account.MakeDir(filepath.Join(s.dir, workplace)); err != nil {
		return err
	}
	file, err := s.write(filepath.Join(workplace, "alertmanager.yml"), string(text))
	if err != nil {
		return err
	}
	port, err := s.port()
	if err != nil {
		return err
	}
	url := "http://" + address(port)
	s.define("ALERTMANAGER", url)
	if err := s.start(ctx, "alertmanager", filepath.Join(programs, "alertmanager"), "--config.file="+file,
		"--storage.path="+filepath.Join(s.dir, "alerts"), "--cluster.listen-address=", "--web.listen-address="+address(port)); err != nil {
		return err
	}
	return s.awaitHTTP(ctx, url+"/-/ready")
}

// awaitHTTP waits until a URL is answered with 200.
func (s *stage) awaitHTTP(ctx context.Context, url string) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		err := answers(ctx, url)
		if err == nil {
			return nil
		}
		if slept := lab.Sleep(ctx, 100*time.Millisecond); slept != nil {
			return fmt.Errorf("%s did not answer within %v; last error: %w\n%s", url, patience, err, s.logs())
		}
	}
}

func answers(ctx context.Context, url string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	request.Close = true
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close() //nolint:errcheck // Nothing of it is read.
	if response.StatusCode != http.StatusOK {
		return errors.New(response.Status)
	}
	return nil
}
