#!/usr/bin/env python3
# SPDX-FileCopyrightText: 2026 The Mapiary authors
# SPDX-License-Identifier: Apache-2.0
"""Makes structs, decoders, encoders and printers from a schema.

usage: gen.py SCHEMA STEM OUTDIR    writes STEM.h, STEM.c and, for tests, random
                                    instances in STEM-sample.h, STEM-sample.c

The language is explained at the top of rops.schema.
"""
import re
import sys

# type: (C type, decode, encode, print, least bytes on the wire);
# {v} is the place, {p} its address.
SCALARS = {
    'u8': ('uint8_t', 1), 'u16': ('uint16_t', 2), 'u32': ('uint32_t', 4),
    'u64': ('uint64_t', 8), 'i32': ('int32_t', 4), 'i64': ('int64_t', 8),
    'tag': ('uint32_t', 4),
}
WIDTH = {'u8': 'u8', 'u16': 'u16', 'u32': 'u32', 'u64': 'u64', 'i32': 'u32',
         'i64': 'u64', 'tag': 'u32'}
STRUCTS = {
    'guid': ('struct mx_guid', 16), 'ltid': ('struct mx_ltid', 24),
    'propname': ('struct mx_propname', 17),
    'problem': ('struct mx_propproblem', 10),
    'sortorder': ('struct mx_sortorder', 5),
    'typedstr': ('struct mx_typedstr', 1),
    'taggedval': ('struct mx_propval', 4),
    'proprow': ('struct mx_proprow', 1),
    'restriction': ('struct mx_restrict', 3),
}
CODEC = {'guid': 'mx_guid', 'ltid': 'mx_ltid', 'propname': 'mx_propname',
         'problem': 'mx_propproblem', 'sortorder': 'mx_sortorder',
         'typedstr': 'mx_typedstr', 'taggedval': 'mx_propval',
         'proprow': 'mx_proprow', 'restriction': 'mx_restrict'}
STRINGS = ('asciiz', 'utf16z', 'strz')


def snake(name):
    s = re.sub(r'([a-z0-9])([A-Z])', r'\1_\2', name)
    return re.sub(r'([A-Z])([A-Z][a-z])', r'\1_\2', s).lower()


def member_name(name):
    """The union member of a ROP; one has a C keyword's name."""
    n = snake(name)
    return n + '_' if n == 'restrict' else n


def die(where, why):
    sys.exit(f'{sys.argv[1]}:{where}: {why}')


class Field:
    """One line of the schema."""

    PATTERN = re.compile(
        r'(?P<type>[a-zA-Z0-9]+)(?:\((?P<arg>[^)]*)\))?\s+(?P<name>\w+)'
        r'(?:\[(?P<fix>=)?(?P<count>\w+)\])?'
        r'(?:\s+sized\s+(?P<sized>\w+))?(?:\s+cols\s+(?P<cols>\w+))?'
        r'(?:\s+columns\s+(?P<columns>\w+))?(?P<rest>\s+rest)?'
        r'(?:\s+if\s+(?P<cond>.+))?$')

    def __init__(self, line, no):
        m = self.PATTERN.match(line)
        if not m:
            die(no, f'cannot read field {line!r}')
        self.__dict__.update(m.groupdict())
        self.no = no
        self.c = snake(self.name)

    @property
    def hidden(self):
        """Counts and sizes are not kept in the struct."""
        return re.match(r'(n|size|block)\d+$', self.type) is not None

    @property
    def bits(self):
        return re.sub(r'\D', '', self.type)


class Block:
    """An ordered run of fields: a struct, or one part of a ROP."""

    def __init__(self):
        self.fields = []
        self.lax = False

    def array_of(self, count):
        for f in self.fields:
            if f.count == count or f.sized == count:
                return f
        return None

    def named(self, name):
        for f in self.fields:
            if f.name == name:
                return f
        return None


class Schema:
    def __init__(self, path):
        self.structs = {}
        self.rops = []   # (id, name, {part: Block})
        self.notes = []  # (id, name, Block)
        self.parse(open(path, encoding='utf-8').read().split('\n'))

    def parse(self, lines):
        block = None
        for no, raw in enumerate(lines, 1):
            line = raw.split('#')[0].rstrip()
            if not line.strip():
                continue
            words = line.split()
            if not raw.startswith('\t'):
                block = self.top(words, no)
            elif words[0] in ('req', 'ok', 'any', 'fail') and \
                    raw.count('\t') == 1 and not self.in_struct:
                lax = words[-1] == 'lax'
                key = ' '.join(words[:-1] if lax else words)
                block = self.rops[-1][2].setdefault(key, Block())
                block.lax = lax
            else:
                block.fields.append(Field(line.strip(), no))

    def top(self, words, no):
        self.in_struct = words[0] != 'rop'
        if words[0] == 'struct':
            self.structs[words[1]] = Block()
            return self.structs[words[1]]
        if words[0] == 'rop':
            self.rops.append((int(words[1], 16), words[2], {}))
            return None
        if words[0] == 'notify':
            self.notes.append((int(words[1], 16), words[2], Block()))
            return self.notes[-1][2]
        die(no, f'cannot read {words[0]!r}')

    def ctype(self, f):
        if f.type in SCALARS:
            return SCALARS[f.type][0]
        if f.type in ('bool8', 'bool16'):
            return 'bool'
        if f.type in STRUCTS:
            return STRUCTS[f.type][0]
        if f.type in STRINGS:
            return 'const char *'
        if f.type in self.structs:
            return f'struct mx_{snake(f.type)}'
        die(f.no, f'unknown type {f.type}')

    def least(self, f):
        if f.type in SCALARS:
            return SCALARS[f.type][1]
        if f.type in STRUCTS:
            return STRUCTS[f.type][1]
        return {'bool16': 2, 'utf16z': 2}.get(f.type, 1)


class Sampler:
    """Writes makers of random instances for one schema."""

    def __init__(self, emitter):
        self.e = emitter
        self.h = []
        self.c = []

    def item(self, f, place):
        if f.type in SCALARS:
            if f.type == 'tag':
                return [f'{place} = mx_sample_tag(s);']
            return [f'{place} = ({SCALARS[f.type][0]})mx_sample_bits(s);']
        if f.type in ('bool8', 'bool16'):
            return [f'{place} = mx_sample_below(s, 2);']
        if f.type == 'asciiz':
            return [f'{place} = mx_sample_ascii(s);']
        if f.type == 'utf16z':
            return [f'{place} = mx_sample_utf8(s);']
        if f.cols:
            n = f'v->{snake(f.cols)}'
            return ['{', '\tsize_t n_was = s->n_cols;', '',
                    f'\t{n} = (uint16_t)mx_sample_below(s,',
                    '\t\t(uint32_t)n_was + 1);', f'\ts->n_cols = {n};',
                    f'\tmx_sample_proprow(s, &{place});',
                    '\ts->n_cols = n_was;', '}']
        name = CODEC.get(f.type, f'mx_{snake(f.type)}')[3:]
        return [f'mx_sample_{name}(s, &{place});']

    def field(self, f, block):
        if f.hidden:
            return []
        dst = f'v->{f.c}'
        if f.type == 'bytes':
            if f.fix:
                return [f'for (size_t i = 0; i < {f.count}; i++)',
                        f'\t{dst}[i] = (uint8_t)mx_sample_below(s, 256);']
            return [f'{dst} = mx_sample_bin(s, 20);']
        if f.type == 'strz':
            c = self.e.cond(block, f, 's', f.arg)
            return [f'{dst} = ({c}) ? mx_sample_utf8(s)',
                    '\t: mx_sample_ascii(s);']
        if f.fix:
            return [f'for (size_t i = 0; i < {f.count}; i++)',
                    *['\t' + x for x in self.item(f, f'{dst}[i]')]]
        if f.count:
            return self.array(f, block)
        if f.sized:
            t = self.e.s.ctype(f)
            return ['if (mx_sample_below(s, 4)) {',
                    f'\t{dst} = mx_arena_new(s->arena, {t});',
                    *['\t' + x for x in self.item(f, f'(*{dst})')], '}']
        if block.array_of(f.name):
            return [f'{dst} = (uint16_t)mx_sample_below(s, 4);']
        return self.item(f, dst)

    def array(self, f, block):
        counter, t = block.named(f.count), self.e.s.ctype(f)
        n = 'mx_sample_below(s, 4)' if counter.hidden \
            else f'v->{counter.c}'
        out = ['{', f'\tuint32_t n = {n};',
               f'\t{t} *p = mx_arena_newv(s->arena, {t}, n);'
               .replace('* *', '**')]
        if f.columns:
            out += ['\tconst uint32_t *was = s->cols;',
                    '\tsize_t n_was = s->n_cols;', '',
                    f'\ts->cols = v->{snake(f.columns)}.p;',
                    f'\ts->n_cols = v->{snake(f.columns)}.n;']
        out += ['\tfor (uint32_t i = 0; i < n; i++)',
                *['\t\t' + x for x in self.item(f, 'p[i]')]]
        if f.columns:
            out += ['\ts->cols = was;', '\ts->n_cols = n_was;']
        if f.type == 'tag':
            out += [f'\tv->{f.c}.n = n;', f'\tv->{f.c}.p = p;']
        else:
            out += [f'\tv->n_{f.c} = n;', f'\tv->{f.c} = p;']
        return out + ['}']

    def block(self, name, struct, block, static):
        head = ('static ' if static else '') + \
            f'void {name}(struct mx_sampler *s, {struct} *v)'
        body = self.e.body(without_public(block),
                           lambda f: self.field(f, block), 's')
        if not static:
            self.h.append(head + ';')
            self.c += [head, '{', '\tmemset(v, 0, sizeof(*v));']
        else:
            self.c += [head, '{']
        if not any(' s->' in x or '(s' in x for x in body):
            self.c.append('\t(void)s;')
        if not body:
            self.c.append('\t(void)v;')
        self.c += ['\t' + x if x else '' for x in body] + ['}', '']

    def rops(self):
        s = self.e.s
        for _, name, parts in s.rops:
            for key, block in parts.items():
                kind = 'req' if key == 'req' else 'res'
                self.block(f'{snake(name)}_{key.replace(" ", "_")}_sample',
                           f'struct mx_{snake(name)}_{kind}', block, True)
        for _, name, block in s.notes:
            self.block(f'{snake(name)}_any_sample',
                       f'struct mx_{snake(name)}_res', block, True)
        self.dispatch()

    def dispatch(self):
        s = self.e.s
        ids = ', '.join(f'0x{i:02x}' for i, _, _ in s.rops)
        notes = ', '.join(f'0x{i:02x}' for i, _, _ in s.rops + s.notes
                          if i != 1)
        self.h += [f'extern const uint8_t mx_sample_req_ids[{len(s.rops)}];',
                   f'extern const uint8_t mx_sample_res_ids'
                   f'[{len(s.rops) + len(s.notes) - 1}];',
                   '/* Fills everything but id, logon_id, hindex and '
                   'return_value, which the',
                   ' * caller has set. */',
                   'void mx_sample_rop_req(struct mx_sampler *s, '
                   'struct mx_rop_req *v);',
                   'void mx_sample_rop_res(struct mx_sampler *s, '
                   'struct mx_rop_res *v);']
        self.c += [f'const uint8_t mx_sample_req_ids[{len(s.rops)}] = '
                   f'{{{ids}}};',
                   f'const uint8_t mx_sample_res_ids'
                   f'[{len(s.rops) + len(s.notes) - 1}] = {{{notes}}};', '',
                   'void mx_sample_rop_req(struct mx_sampler *s, '
                   'struct mx_rop_req *v)', '{', '\tswitch (v->id) {']
        for _, name, parts in s.rops:
            if 'req' in parts:
                n = snake(name)
                self.c += [f'\tcase MX_ROP_{n.upper()}:',
                           f'\t\t{n}_req_sample(s, '
                           f'&v->{member_name(name)});', '\t\tbreak;']
        self.c += ['\t}', '}', '',
                   'void mx_sample_rop_res(struct mx_sampler *s, '
                   'struct mx_rop_res *v)', '{', '\tswitch (v->id) {']
        for _, name, block in s.notes:
            n = snake(name)
            self.c += [f'\tcase MX_ROP_{n.upper()}:',
                       f'\t\t{n}_any_sample(s, &v->{n});', '\t\tbreak;']
        self.c += ['\t' + x for x in self.e.res_cases('sample', 's')]
        self.c += ['\t}', '}']

    def write(self, outdir):
        stem, s = self.e.stem, self.e.s
        for name, block in s.structs.items():
            n = snake(name)
            self.block(f'mx_sample_{n}', f'struct mx_{n}', block, False)
        if s.rops:
            self.rops()
        guard = f'MX_WIRE_{stem.upper()}_SAMPLE_H'
        mark = '/* Made by src/wire/gen.py; change the schema instead. */'
        h = [mark, f'#ifndef {guard}', f'#define {guard}', '',
             f'#include "wire/{stem}.h"', '#include "wire/sample.h"', '',
             *self.h, '', '#endif']
        c = [mark, f'#include "wire/{stem}-sample.h"', '', *self.c]
        for name, lines in ((f'{stem}-sample.h', h), (f'{stem}-sample.c', c)):
            with open(f'{outdir}/{name}', 'w', encoding='utf-8') as out:
                out.write('\n'.join(lines) + '\n')


class Emitter:
    """Writes C for one schema."""

    def __init__(self, schema, stem):
        self.s = schema
        self.stem = stem
        self.h = []
        self.c = []

    # -- members ---------------------------------------------------------

    def member(self, f):
        if f.hidden:
            return None
        if f.type == 'bytes':
            if f.fix:
                return f'uint8_t {f.c}[{f.count}];'
            return f'struct mx_bin {f.c};'
        t = self.s.ctype(f)
        sep = '' if t.endswith('*') else ' '
        if f.fix:
            return f'{t}{sep}{f.c}[{f.count}];'
        if f.count:
            if f.type == 'tag':
                return f'struct mx_tags {f.c};'
            return f'uint32_t n_{f.c};\n\t{t}{sep}*{f.c};'
        if f.sized:
            return f'{t}{sep}*{f.c};'
        return f'{t}{sep}{f.c};'

    def members(self, blocks, indent='\t'):
        out, seen = [], {}
        for b in blocks:
            for f in b.fields:
                m = self.member(f)
                if not m:
                    continue
                if seen.setdefault(f.c, m) != m:
                    die(f.no, f'{f.name} has two shapes')
                if m not in out:
                    out.append(m)
        return [indent + m for m in out]

    def struct(self, name, blocks):
        body = self.members(blocks)
        if not body:
            body = ['\tchar none; /* no fields of its own */']
        self.h += [f'struct mx_{name} {{', *body, '};', '']

    # -- expressions -----------------------------------------------------

    def cond(self, block, f, cursor, text=None):
        def place(m):
            word = m.group(0)
            if word == 'PUBLIC':
                return f'{cursor}->public_logon'
            field = block.named(word)
            if field is None:
                return word
            return f'v->{field.c}'
        return re.sub(r'(?<![\w])[A-Za-z_]\w*', place, text or f.cond)

    # -- decode ----------------------------------------------------------

    def decode_item(self, f, block, place, rd='rd'):
        addr = '&' + place
        if f.type in SCALARS:
            cast = f'({SCALARS[f.type][0]})' if f.type[0] == 'i' else ''
            return [f'{place} = {cast}mx_rd_{WIDTH[f.type]}({rd});']
        if f.type == 'bool8':
            return [f'{place} = mx_rd_u8({rd}) != 0;']
        if f.type == 'bool16':
            return [f'{place} = mx_rd_u16({rd}) != 0;']
        if f.type in ('asciiz', 'utf16z'):
            return [f'{place} = mx_rd_{f.type}({rd});']
        if f.type == 'strz':
            c = self.cond(block, f, rd, f.arg)
            return [f'{place} = ({c}) ? mx_rd_utf16z({rd})',
                    f'\t: mx_rd_asciiz({rd});']
        if f.cols:
            return [f'decode_first_cols({rd}, v->{snake(f.cols)}, {addr});']
        if f.type in STRUCTS:
            return [f'{CODEC[f.type]}_decode({rd}, {addr});']
        return [f'mx_{snake(f.type)}_decode({rd}, {addr});']

    def decode_field(self, f, block):
        if f.hidden and f.type.startswith('block'):
            return [f'outer = rd;',
                    f'sub = mx_rd_sub(rd, mx_rd_u{f.bits}(rd));',
                    'rd = &sub;']
        if f.hidden:
            return [f'n_{f.c} = mx_rd_u{f.bits}(rd);']
        if f.type == 'bytes':
            return self.decode_bytes(f)
        if f.fix:
            return [f'for (size_t i = 0; i < {f.count}; i++)'] + \
                ['\t' + x for x in self.decode_item(f, block, f'v->{f.c}[i]')]
        if f.count:
            return self.decode_array(f, block)
        if f.sized:
            return self.decode_sized(f, block)
        return self.decode_item(f, block, f'v->{f.c}')

    def decode_bytes(self, f):
        if f.fix:
            return [f'copy_fixed(rd, v->{f.c}, {f.count});']
        if f.rest:
            return [f'v->{f.c} = decode_bytes(rd, mx_rd_left(rd));']
        return [f'v->{f.c} = decode_bytes(rd, n_{snake(f.count)});']

    def decode_array(self, f, block):
        counter = block.named(f.count)
        n = f'n_{counter.c}' if counter.hidden else f'v->{counter.c}'
        t, dst, num = self.s.ctype(f), f'v->{f.c}', f'v->n_{f.c}'
        if f.type == 'tag':
            dst, num = 'tags', f'v->{f.c}.n'
        out = ['{', f'\tsize_t n = mx_rd_count(rd, {n}, {self.s.least(f)});']
        if f.type == 'tag':
            out += ['\tuint32_t *tags = mx_rd_alloc(rd, n, sizeof(*tags));']
        else:
            out += [f'\t{dst} = mx_rd_alloc(rd, n, sizeof({t}));']
        if f.columns:
            out += ['\tconst uint32_t *was = rd->cols;',
                    '\tsize_t n_was = rd->n_cols;', '',
                    f'\trd->cols = v->{snake(f.columns)}.p;',
                    f'\trd->n_cols = v->{snake(f.columns)}.n;']
        out += ['\tfor (size_t i = 0; i < n && mx_rd_ok(rd); i++)']
        out += ['\t\t' + x for x in
                self.decode_item(f, block, f'{dst}[i]')]
        out += [f'\t{num} = {dst} ? (uint32_t)n : 0;']
        if f.type == 'tag':
            out += [f'\tv->{f.c}.p = tags;']
        if f.columns:
            out += ['\trd->cols = was;', '\trd->n_cols = n_was;']
        return out + ['}']

    def decode_sized(self, f, block):
        n = f'n_{snake(f.sized)}'
        return [f'if ({n}) {{',
                f'\tstruct mx_rd part = mx_rd_sub(rd, {n});', '',
                f'\tv->{f.c} = mx_rd_alloc(rd, 1, sizeof(*v->{f.c}));',
                f'\tif (v->{f.c})',
                *['\t\t' + x for x in
                  self.decode_item(f, block, f'(*v->{f.c})', '&part')],
                '\tmx_rd_join(rd, &part);', '}']

    # -- encode ----------------------------------------------------------

    def encode_item(self, f, block, place):
        addr = '&' + place
        if f.type in SCALARS:
            w = WIDTH[f.type]
            cast = f'(uint{w[1:]}_t)' if f.type[0] == 'i' else ''
            return [f'mx_wr_{w}(wr, {cast}{place});']
        if f.type == 'bool8':
            return [f'mx_wr_u8(wr, {place});']
        if f.type == 'bool16':
            return [f'mx_wr_u16(wr, {place});']
        if f.type in ('asciiz', 'utf16z'):
            return [f'mx_wr_{f.type}(wr, {place});']
        if f.type == 'strz':
            c = self.cond(block, f, 'wr', f.arg)
            return [f'if ({c})', f'\tmx_wr_utf16z(wr, {place});', 'else',
                    f'\tmx_wr_asciiz(wr, {place});']
        if f.cols:
            return [f'encode_first_cols(wr, v->{snake(f.cols)}, {addr});']
        if f.type in STRUCTS:
            return [f'{CODEC[f.type]}_encode(wr, {addr});']
        return [f'mx_{snake(f.type)}_encode(wr, {addr});']

    def encode_field(self, f, block):
        if f.hidden and f.type.startswith('block'):
            return ['block = wr->len;', f'mx_wr_u{f.bits}(wr, 0);']
        if f.hidden and f.type.startswith('size'):
            return [f'at_{f.c} = wr->len;', f'mx_wr_u{f.bits}(wr, 0);']
        if f.hidden:
            a = block.array_of(f.name)
            n = f'v->{a.c}.n' if a.type in ('bytes', 'tag') \
                else f'v->n_{a.c}'
            return [f'mx_wr_count(wr, {n}, {int(f.bits) // 8});']
        if f.type == 'bytes':
            if f.fix:
                return [f'mx_wr_bytes(wr, v->{f.c}, {f.count});']
            return [f'mx_wr_bytes(wr, v->{f.c}.p, v->{f.c}.n);']
        if f.fix:
            return [f'for (size_t i = 0; i < {f.count}; i++)'] + \
                ['\t' + x for x in self.encode_item(f, block, f'v->{f.c}[i]')]
        if f.count:
            return self.encode_array(f, block)
        if f.sized:
            return [f'if (v->{f.c}) {{',
                    *['\t' + x for x in
                      self.encode_item(f, block, f'(*v->{f.c})')],
                    f'\tmx_wr_patch_u16(wr, at_{snake(f.sized)},',
                    f'\t\twr->len - at_{snake(f.sized)} - 2);', '}']
        return self.encode_item(f, block, f'v->{f.c}')

    def encode_array(self, f, block):
        tags = f.type == 'tag'
        num = f'v->{f.c}.n' if tags else f'v->n_{f.c}'
        place = f'v->{f.c}.p[i]' if tags else f'v->{f.c}[i]'
        counter, out = block.named(f.count), []
        if not counter.hidden:
            out += [f'if ({num} != v->{counter.c})', '\twr->err = -EINVAL;']
        loop = [f'for (uint32_t i = 0; i < {num}; i++)',
                *['\t' + x for x in self.encode_item(f, block, place)]]
        if not f.columns:
            return out + loop
        return ['{', '\tconst uint32_t *was = wr->cols;', '',
                f'\twr->cols = v->{snake(f.columns)}.p;',
                *['\t' + x for x in loop], '\twr->cols = was;', '}']

    # -- print -----------------------------------------------------------

    def print_item(self, f, place):
        if f.type in SCALARS:
            kind = 'tag' if f.type == 'tag' else \
                ('int' if f.type[0] == 'i' else f.type)
            return [f'mx_print_{kind}(out, {place});']
        if f.type in ('bool8', 'bool16'):
            return [f'mx_print_bool(out, {place});']
        if f.type in STRINGS:
            return [f'mx_print_str(out, {place});']
        name = CODEC.get(f.type, f'mx_{snake(f.type)}')
        return [f'{name}_print(out, &{place});']

    def print_field(self, f):
        out = [f'mx_print_name(out, "{f.name}");']
        if f.type == 'bytes':
            if f.fix:
                return out + [f'mx_print_bytes(out, v->{f.c}, {f.count});']
            return out + [f'mx_print_bytes(out, v->{f.c}.p, v->{f.c}.n);']
        if f.fix or f.count:
            tags = f.type == 'tag' and not f.fix
            n = f.count if f.fix else f'v->{f.c}.n' if tags \
                else f'v->n_{f.c}'
            place = f'v->{f.c}.p[i]' if tags else f'v->{f.c}[i]'
            return out + ['mx_print_open(out);',
                          f'for (size_t i = 0; i < {n}; i++) {{',
                          '\tmx_print_next(out, i);',
                          *['\t' + x for x in self.print_item(f, place)],
                          '}', 'mx_print_close(out);']
        if f.sized:
            return out + [f'if (v->{f.c})',
                          *['\t' + x for x in
                            self.print_item(f, f'(*v->{f.c})')],
                          'else', '\tmx_print_str(out, NULL);']
        return out + self.print_item(f, f'v->{f.c}')

    # -- functions -------------------------------------------------------

    def body(self, block, per_field, cursor):
        out = []
        for f in block.fields:
            lines = per_field(f)
            if not lines:
                continue
            if f.cond:
                c = self.cond(block, f, cursor)
                lines = [f'if ({c}) {{', *['\t' + x for x in lines], '}']
            out += lines
        return out

    def decoder(self, block):
        decl = []
        for f in block.fields:
            if f.hidden and not f.type.startswith('block'):
                decl.append(f'size_t n_{f.c} = 0;')
        has_block = any(f.type.startswith('block') for f in block.fields)
        if has_block:
            decl += ['struct mx_rd sub, *outer;']
        out = self.body(block, lambda f: self.decode_field(f, block), 'rd')
        if has_block:
            out += ['mx_rd_join(outer, &sub);']
        return decl, out

    def encoder(self, block):
        decl = [f'size_t at_{f.c} = 0;' for f in block.fields
                if f.type.startswith('size')]
        has_block = any(f.type.startswith('block') for f in block.fields)
        if has_block:
            decl += ['size_t block;']
        out = self.body(block, lambda f: self.encode_field(f, block), 'wr')
        if has_block:
            out += ['mx_wr_patch_u16(wr, block, wr->len - block - 2);']
        return decl, out

    def printer(self, block):
        return [], self.body(
            block, lambda f: [] if f.hidden else self.print_field(f), 'out')

    def function(self, head, decl, body, static=True):
        empty = not body
        self.c += [('static ' if static else '') + head, '{']
        self.c += ['\t' + d for d in decl] + ([''] if decl else [])
        if empty:
            args = re.findall(r'\*?(\w+)[,)]', head)
            self.c += ['\t' + ' '.join(f'(void){a};' for a in args)]
        self.c += ['\t' + line if line else '' for line in body] + ['}', '']

    def trio(self, name, block, struct=None, static=True):
        """Decoder, encoder and printer of one block."""
        struct = struct or f'struct mx_{name}'
        prefix = name if static else f'mx_{name}'
        self.function(f'void {prefix}_decode(struct mx_rd *rd, {struct} *v)',
                      *self.decoder(block), static=static)
        self.function(
            f'void {prefix}_encode(struct mx_wr *wr, const {struct} *v)',
            *self.encoder(block), static=static)
        cond = [f.cond or '' for f in block.fields]
        if any('PUBLIC' in c for c in cond):
            block = without_public(block)
        body = self.printer(block)[1]
        if not static and body:
            body = ['mx_print_begin(out);', *body, 'mx_print_end(out);']
        self.function(
            f'void {prefix}_print(struct mx_buf *out, const {struct} *v)',
            [], body, static=static)

    def structs(self):
        for name, block in self.s.structs.items():
            n = snake(name)
            self.struct(n, [block])
            self.h += [
                f'void mx_{n}_decode(struct mx_rd *rd, struct mx_{n} *v);',
                f'void mx_{n}_encode(struct mx_wr *wr, '
                f'const struct mx_{n} *v);',
                f'void mx_{n}_print(struct mx_buf *out, '
                f'const struct mx_{n} *v);', '']
            self.trio(n, block, static=False)

    def rops(self):
        s = self.s
        self.h += ['/* RopIds.  [MS-OXCROPS] 2.2.2 */', 'enum mx_rop_id {']
        for i, name, _ in s.rops + s.notes:
            self.h.append(f'\tMX_ROP_{snake(name).upper()} = 0x{i:02x},')
        self.h += ['};', '']
        for _, name, parts in s.rops:
            n = snake(name)
            self.struct(n + '_req', [parts.get('req', Block())])
            self.struct(n + '_res', [b for k, b in parts.items()
                                     if k != 'req'])
            for key, block in parts.items():
                kind = 'req' if key == 'req' else 'res'
                fn = n + '_' + key.replace(' ', '_')
                if block.fields:
                    self.trio(fn, block, f'struct mx_{n}_{kind}')
        for _, name, block in s.notes:
            n = snake(name)
            self.struct(n + '_res', [block])
            self.trio(n + '_any', block, f'struct mx_{n}_res')
        self.unions()
        self.dispatch_req()
        self.lax()
        self.dispatch_res()
        self.names()

    def unions(self):
        s = self.s
        self.h += ['/* One ROP request.  hindex is the third byte: '
                   'InputHandleIndex, or the index',
                   ' * that the schema names. */',
                   'struct mx_rop_req {', '\tuint8_t id, logon_id, hindex;',
                   '\tunion {']
        self.h += [f'\t\tstruct mx_{snake(n)}_req {member_name(n)};'
                   for _, n, _ in s.rops]
        self.h += ['\t};', '};', '',
                   '/* One ROP response; notify, pending, backoff and '
                   'buffer_too_small have neither',
                   ' * hindex nor return_value. */',
                   'struct mx_rop_res {', '\tuint8_t id, hindex;',
                   '\tuint32_t return_value;', '\tunion {']
        self.h += [f'\t\tstruct mx_{snake(n)}_res {member_name(n)};'
                   for _, n, _ in s.rops + s.notes]
        self.h += ['\t};', '};', '']

    def dispatch_req(self):
        def cases(verb, args):
            out = []
            for i, name, parts in self.s.rops:
                n = snake(name)
                out.append(f'case MX_ROP_{n.upper()}:')
                if parts.get('req') and parts['req'].fields:
                    out.append(f'\t{n}_req_{verb}({args}, &v->{member_name(name)});')
                out.append('\tbreak;')
            return out
        self.function(
            'void mx_rop_req_decode(struct mx_rd *rd, struct mx_rop_req *v)',
            [], ['memset(v, 0, sizeof(*v));', 'v->id = mx_rd_u8(rd);',
                 'v->logon_id = mx_rd_u8(rd);', 'v->hindex = mx_rd_u8(rd);',
                 'if (!mx_rd_ok(rd))', '\treturn;',
                 'switch (v->id) {', *cases('decode', 'rd'), 'default:',
                 '\tmx_rd_fail(rd, -EOPNOTSUPP);', '}'], static=False)
        self.function(
            'void mx_rop_req_encode(struct mx_wr *wr, '
            'const struct mx_rop_req *v)',
            [], ['mx_wr_u8(wr, v->id);', 'mx_wr_u8(wr, v->logon_id);',
                 'mx_wr_u8(wr, v->hindex);', 'switch (v->id) {',
                 *cases('encode', 'wr'), 'default:', '\twr->err = -EINVAL;',
                 '}'], static=False)
        self.function(
            'void mx_rop_req_print(struct mx_buf *out, '
            'const struct mx_rop_req *v)',
            [], ['mx_buf_printf(out, "Rop%s request logon %u handle %u",',
                 '\tmx_rop_name(v->id), v->logon_id, v->hindex);',
                 'mx_print_begin(out);', 'switch (v->id) {',
                 *cases('print', 'out'), '}', 'mx_print_end(out);'],
            static=False)

    def res_cases(self, verb, args):
        out = []
        for i, name, parts in self.s.rops:
            n = snake(name)
            out.append(f'case MX_ROP_{n.upper()}:')

            def call(key):
                return (f'{n}_{key.replace(" ", "_")}_{verb}'
                        f'({args}, &v->{member_name(name)});')

            def has(key):
                return key in parts and parts[key].fields
            if has('any') and parts['any'].lax and verb == 'decode':
                out += ['\tif (!lacks_fields(rd, v))', '\t\t' + call('any')]
            elif has('any'):
                out.append('\t' + call('any'))
            kw = 'if'
            if has('ok'):
                out += ['\tif (!v->return_value)', '\t\t' + call('ok')]
                kw = 'else if'
            for key in parts:
                if key.startswith('fail ') and has(key):
                    out += [f'\t{kw} (v->return_value == {key[5:]})',
                            '\t\t' + call(key)]
                    kw = 'else if'
            if has('fail'):
                out += ['\telse' if kw == 'else if' else
                        '\tif (v->return_value)', '\t\t' + call('fail')]
            out.append('\tbreak;')
        return out

    def lax(self):
        self.function(
            'bool is_unasked(uint8_t id)', [],
            ['switch (id) {', *(f'case MX_ROP_{snake(n).upper()}:'
                                for _, n, _ in self.s.notes),
             '\treturn true;', 'default:', '\treturn false;', '}'])
        self.c += LACKS

    def dispatch_res(self):
        s = self.s

        def notes(verb, args):
            out = []
            for _, name, _ in s.notes:
                n = snake(name)
                out += [f'case MX_ROP_{n.upper()}:',
                        f'\t{n}_any_{verb}({args}, &v->{n});', '\treturn;']
            return out
        self.function(
            'void mx_rop_res_decode(struct mx_rd *rd, struct mx_rop_res *v)',
            [], ['memset(v, 0, sizeof(*v));', 'v->id = mx_rd_u8(rd);',
                 'if (!mx_rd_ok(rd))', '\treturn;',
                 'switch (v->id) {', *notes('decode', 'rd'), '}',
                 'v->hindex = mx_rd_u8(rd);',
                 'v->return_value = mx_rd_u32(rd);',
                 'if (!mx_rd_ok(rd))', '\treturn;', 'switch (v->id) {',
                 *self.res_cases('decode', 'rd'), 'default:',
                 '\tmx_rd_fail(rd, -EOPNOTSUPP);', '}'], static=False)
        self.function(
            'void mx_rop_res_encode(struct mx_wr *wr, '
            'const struct mx_rop_res *v)',
            [], ['mx_wr_u8(wr, v->id);', 'switch (v->id) {',
                 *notes('encode', 'wr'), '}', 'mx_wr_u8(wr, v->hindex);',
                 'mx_wr_u32(wr, v->return_value);', 'switch (v->id) {',
                 *self.res_cases('encode', 'wr'), 'default:',
                 '\twr->err = -EINVAL;', '}'], static=False)
        self.function(
            'void res_fields_print(struct mx_buf *out, '
            'const struct mx_rop_res *v)',
            [], ['switch (v->id) {', *notes('print', 'out'),
                 *self.res_cases('print', 'out'), '}'])
        self.function(
            'void mx_rop_res_print(struct mx_buf *out, '
            'const struct mx_rop_res *v)',
            [], ['mx_buf_printf(out, "Rop%s response handle %u returns '
                 '0x%08x",', '\tmx_rop_name(v->id), v->hindex, '
                 'v->return_value);', 'mx_print_begin(out);',
                 'res_fields_print(out, v);', 'mx_print_end(out);'],
            static=False)

    def names(self):
        self.function('const char *mx_rop_name(uint8_t id)', [], [
            'switch (id) {',
            *sum(([f'case 0x{i:02x}:', f'\treturn "{n}";']
                  for i, n, _ in self.s.rops + self.s.notes), []),
            'default:', '\treturn "?";', '}'], static=False)
        self.h += ROP_API

    def write(self, outdir):
        guard = f'MX_WIRE_{self.stem.upper()}_H'
        head = ['/* Made by src/wire/gen.py; change the schema instead. */']
        self.structs()
        if self.s.rops:
            self.rops()
        h = head + [f'#ifndef {guard}', f'#define {guard}', '',
                    '#include "wire/print.h"', '#include "wire/restrict.h"',
                    ''] + self.h + ['#endif']
        c = head + [f'#include "wire/{self.stem}.h"', '',
                    '#include "base/auto.h"', '', *HELPERS] + self.c
        for name, lines in ((f'{self.stem}.h', h), (f'{self.stem}.c', c)):
            with open(f'{outdir}/{name}', 'w', encoding='utf-8') as out:
                out.write('\n'.join(lines) + '\n')


def without_public(block):
    """A printer has no cursor to ask; a field that depends on the kind of
    logon is printed always (zeros when it was not sent)."""
    b = Block()
    for f in block.fields:
        g = Field.__new__(Field)
        g.__dict__.update(f.__dict__)
        if g.cond and 'PUBLIC' in g.cond:
            g.cond = None
        b.fields.append(g)
    return b


ROP_API = '''
/* One ROP from the cursor.  An unknown RopId is -EOPNOTSUPP: its length cannot
 * be known, so nothing after it can be read.  For a response to a ROP that
 * returns rows the caller sets rd->cols first, and rd->public_logon for a
 * request on a public logon. */
void mx_rop_req_decode(struct mx_rd *rd, struct mx_rop_req *v);
void mx_rop_res_decode(struct mx_rd *rd, struct mx_rop_res *v);

/* Writes one ROP; wr->err is -EINVAL for an unknown id or a count over its
 * field.  wr->cols gives the columns of rows (see mx_proprow_encode). */
void mx_rop_req_encode(struct mx_wr *wr, const struct mx_rop_req *v);
void mx_rop_res_encode(struct mx_wr *wr, const struct mx_rop_res *v);

/* One readable line a ROP, for traces and diagnosis. */
void mx_rop_req_print(struct mx_buf *out, const struct mx_rop_req *v);
void mx_rop_res_print(struct mx_buf *out, const struct mx_rop_res *v);

/* "OpenFolder"; "?" for an unknown id. */
const char *mx_rop_name(uint8_t id);
'''.strip('\n').split('\n') + ['']

LACKS = '''
/* Whether a failed response ends where its own fields should begin: at the end,
 * or where the next response, or one that nobody asked for, stands. */
static bool lacks_fields(const struct mx_rd *rd, const struct mx_rop_res *v)
{
	const uint8_t *p = rd->p;

	if (!rd->lax || !v->return_value)
		return false;
	if (mx_rd_left(rd) < 2)
		return !mx_rd_left(rd);
	if (rd->next_rop)
		return p[0] == rd->next_rop && p[1] == rd->next_hindex;
	return mx_rd_left(rd) > 2 && is_unasked(p[0]);
}
'''.strip('\n').split('\n') + ['']

HELPERS = '''
MX_UNUSED static struct mx_bin decode_bytes(struct mx_rd *rd, size_t n)
{
	const uint8_t *p = mx_rd_bytes(rd, n);

	return (struct mx_bin){p ? (uint32_t)n : 0, p};
}

MX_UNUSED static void copy_fixed(struct mx_rd *rd, uint8_t *dst, size_t n)
{
	const uint8_t *p = mx_rd_bytes(rd, n);

	if (p)
		memcpy(dst, p, n);
}

/* A row over the first n of the ambient columns. */
MX_UNUSED static void decode_first_cols(struct mx_rd *rd, size_t n,
					struct mx_proprow *row)
{
	size_t was = rd->n_cols;

	if (n > was) {
		mx_rd_fail(rd, -EBADMSG);
		return;
	}
	rd->n_cols = n;
	mx_proprow_decode(rd, row);
	rd->n_cols = was;
}

MX_UNUSED static void encode_first_cols(struct mx_wr *wr, size_t n,
					const struct mx_proprow *row)
{
	if (n != row->n)
		wr->err = -EINVAL;
	mx_proprow_encode(wr, row);
}
'''.strip('\n').split('\n') + ['']


def main():
    schema, stem, outdir = sys.argv[1:4]
    emitter = Emitter(Schema(schema), stem)
    emitter.write(outdir)
    Sampler(emitter).write(outdir)


if __name__ == '__main__':
    main()
