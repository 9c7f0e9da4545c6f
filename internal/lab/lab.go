// Package lab is what the programs of the laboratory share: how they say what
// they do, wait, are interrupted and judge. The packages below it are the
// laboratory: the throw-away servers, the links to break, the observer and the
// judge, and the programs themselves. The exporter imports none of it.
package lab

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"
)

// ErrUntrue ends a program that ran to its end and found something wrong.
var ErrUntrue = errors.New("not everything is true")

// Say prints a line for the user; there is nothing to do when that fails.
func Say(out io.Writer, format string, args ...any) { _, _ = fmt.Fprintf(out, format+"\n", args...) }

// Sleep waits, and returns the error of a ctx that ended before.
func Sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// Quantile returns the q-quantile of values, which it sorts, q from 0 to 1; the zero value of none.
func Quantile[T cmp.Ordered](values []T, q float64) (quantile T) {
	if len(values) == 0 {
		return quantile
	}
	slices.Sort(values)
	return values[int(q*float64(len(values)-1))]
}

// Ended drops the error of something that was told to end.
func Ended(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}
