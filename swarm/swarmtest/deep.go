package swarmtest

import (
	"reflect"
	"sync"
	"time"
)

// deep copies a value of the API, so that what a caller got stays as it is. It is most of what a
// call costs.
func deep[T any](v T) T {
	if copies := copierOf(reflect.TypeFor[T]()); copies != nil {
		copies(reflect.ValueOf(&v).Elem())
	}
	return v
}

// copier puts copies of all that a value points to into its place.
type copier func(v reflect.Value)

var copiers sync.Map // by type

// copierOf is nil for a type that points to nothing that may change.
func copierOf(t reflect.Type) copier {
	if known, ok := copiers.Load(t); ok {
		return known.(copier)
	}
	c := newCopier(t)
	copiers.Store(t, c)
	return c
}

func newCopier(t reflect.Type) copier {
	switch t.Kind() {
	case reflect.Pointer:
		return pointerCopier(t)
	case reflect.Slice:
		return sliceCopier(t)
	case reflect.Map:
		return mapCopier(t)
	case reflect.Struct:
		return structCopier(t)
	case reflect.Array:
		if copierOf(t.Elem()) == nil {
			return nil
		}
	case reflect.Interface, reflect.Func, reflect.Chan, reflect.UnsafePointer:
	default:
		return nil
	}
	return func(reflect.Value) { panic("swarmtest: no copy of " + t.String()) }
}

func pointerCopier(t reflect.Type) copier {
	inner := copierOf(t.Elem())
	return func(v reflect.Value) {
		if v.IsNil() {
			return
		}
		to := reflect.New(t.Elem())
		to.Elem().Set(v.Elem())
		if inner != nil {
			inner(to.Elem())
		}
		v.Set(to)
	}
}

func sliceCopier(t reflect.Type) copier {
	inner := copierOf(t.Elem())
	return func(v reflect.Value) {
		if v.IsNil() {
			return
		}
		to := reflect.MakeSlice(t, v.Len(), v.Len())
		reflect.Copy(to, v)
		for i := 0; inner != nil && i < to.Len(); i++ {
			inner(to.Index(i))
		}
		v.Set(to)
	}
}

func mapCopier(t reflect.Type) copier {
	inner := copierOf(t.Elem())
	return func(v reflect.Value) {
		if v.IsNil() {
			return
		}
		to := reflect.MakeMapWithSize(t, v.Len())
		value := reflect.New(t.Elem()).Elem()
		for each := v.MapRange(); each.Next(); {
			value.SetIterValue(each)
			if inner != nil {
				inner(value)
			}
			to.SetMapIndex(each.Key(), value)
		}
		v.Set(to)
	}
}

func structCopier(t reflect.Type) copier {
	if t == reflect.TypeFor[time.Time]() {
		return nil
	}
	type field struct {
		number int
		inner  copier
	}
	var fields []field
	for i := range t.NumField() {
		if inner := copierOf(t.Field(i).Type); inner != nil {
			fields = append(fields, field{i, inner})
		}
	}
	if fields == nil {
		return nil
	}
	return func(v reflect.Value) {
		for _, f := range fields {
			f.inner(v.Field(f.number))
		}
	}
}
