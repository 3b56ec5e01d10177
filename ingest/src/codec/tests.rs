//! Codecs against what the real libraries' formats look like, in any chunking, and hostile bytes.

use std::io::Write;

use proptest::prelude::*;

use super::*;

/// Bytes as Spark's writers frame them, for formats that Rust crates write, too.
fn encode(codec: Codec, plain: &[u8], piece: usize) -> Vec<u8> {
    let mut out = Vec::new();
    match codec {
        Codec::Plain => out.extend_from_slice(plain),
        Codec::Zstd => plain.chunks(piece).for_each(|c| out.extend(::zstd::encode_all(c, 1).unwrap())),
        Codec::Gzip => plain.chunks(piece).for_each(|c| {
            let mut e = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            e.write_all(c).unwrap();
            out.extend(e.finish().unwrap());
        }),
        Codec::Lz4 => {
            for c in plain.chunks(piece) {
                let body = lz4_flex::block::compress(c);
                let (token, body) = if body.len() < c.len() { (0x25, body) } else { (0x15, c.to_vec()) };
                let sum = twox_hash::XxHash32::oneshot(0x9747_b28c, c) & 0x0FFF_FFFF;
                out.extend_from_slice(b"LZ4Block");
                out.push(token);
                for word in [body.len() as u32, c.len() as u32, sum] {
                    out.extend_from_slice(&word.to_le_bytes());
                }
                out.extend(body);
            }
            out.extend_from_slice(b"LZ4Block\x15\0\0\0\0\0\0\0\0\0\0\0\0");
        }
        Codec::Snappy => {
            out.extend_from_slice(b"\x82SNAPPY\0\0\0\0\x01\0\0\0\x01");
            for c in plain.chunks(piece) {
                let body = snap::raw::Encoder::new().compress_vec(c).unwrap();
                out.extend_from_slice(&(body.len() as u32).to_be_bytes());
                out.extend(body);
            }
        }
        Codec::Lzf => {
            for c in plain.chunks(piece.min(0xFFFF)) {
                out.extend_from_slice(b"ZV");
                match ::lzf::compress(c).ok().filter(|b| b.len() < c.len()) {
                    Some(body) => {
                        out.push(1);
                        out.extend_from_slice(&(body.len() as u16).to_be_bytes());
                        out.extend_from_slice(&(c.len() as u16).to_be_bytes());
                        out.extend(body);
                    }
                    None => {
                        out.push(0);
                        out.extend_from_slice(&(c.len() as u16).to_be_bytes());
                        out.extend_from_slice(c);
                    }
                }
            }
        }
    }
    out
}

const ALL: [Codec; 6] = [Codec::Plain, Codec::Zstd, Codec::Lz4, Codec::Snappy, Codec::Lzf, Codec::Gzip];

/// Decodes in pieces, with an output limit, from a restart point.
fn decode(codec: Codec, bytes: &[u8], piece: usize, limit: usize) -> Result<Vec<u8>, CodecError> {
    let mut decoder = codec.decoder();
    let mut all = Vec::new();
    for chunk in bytes.chunks(piece.max(1)) {
        let mut at = 0;
        while at < chunk.len() {
            let mut out = Vec::new();
            at += decoder.decode(&chunk[at..], &mut out, limit)?;
            all.extend(out);
        }
    }
    // Output that waited for room in the last step.
    let mut out = Vec::new();
    decoder.decode(&[], &mut out, 1 << 20)?;
    all.extend(out);
    Ok(all)
}

fn text(lines: usize) -> Vec<u8> {
    (0..lines).flat_map(|i| format!("{{\"Event\":\"SparkListener{}\",\"n\":{i}}}\n", i % 7).into_bytes()).collect()
}

#[test]
fn detects_by_magic() {
    for codec in ALL {
        assert_eq!(Codec::detect(&encode(codec, &text(50), 300)), codec);
    }
    assert_eq!(Codec::detect(b""), Codec::Plain);
}

#[test]
fn restarts_where_it_says() {
    let plain = text(400);
    for codec in ALL {
        let bytes = encode(codec, &plain, 700);
        let mut decoder = codec.decoder();
        let mut out = Vec::new();
        let cut = bytes.len() * 2 / 3;
        let mut at = 0;
        while at < cut {
            at += decoder.decode(&bytes[at..cut], &mut out, 1 << 30).unwrap();
        }
        let from = decoder.restart();
        assert!(from.offset as usize <= cut && from.plain as usize <= out.len());
        let rest = decode(codec, &bytes[from.offset as usize..], 97, 1 << 16).unwrap();
        assert!(rest == plain[from.plain as usize..], "{codec:?}");
        if codec != Codec::Gzip {
            assert!(from.plain > 0, "{codec:?} must not start over");
        }
    }
}

#[test]
fn a_torn_tail_gives_all_before_it() {
    let plain = text(400);
    for codec in ALL {
        let bytes = encode(codec, &plain, 500);
        let made = decode(codec, &bytes[..bytes.len() - 9], 1000, 1 << 16).unwrap();
        assert!(plain.starts_with(&made) && made.len() >= plain.len() - 1100, "{codec:?}: {}", made.len());
    }
}

#[test]
fn lengths_that_cannot_be_cost_no_room() {
    let lz4 = |body: usize, plain: u32| {
        let words = [body as u32, plain, 0].map(u32::to_le_bytes).concat();
        [&b"LZ4Block\x25"[..], &words, &vec![b'x'; body]].concat()
    };
    let snappy =
        |body: &[u8]| [b"\x82SNAPPY\0\0\0\0\x01\0\0\0\x01", &(body.len() as u32).to_be_bytes()[..], body].concat();
    let promises = [
        (Codec::Lz4, lz4(9, 60 << 20)),
        (Codec::Snappy, snappy(b"\x80\x80\x80\x18xxxxxxxxxx")), // a length of 48 MiB
    ];
    for (codec, bytes) in promises {
        let mut out = Vec::new();
        assert!(codec.decoder().decode(&bytes, &mut out, 1 << 30).is_err());
        assert!(out.capacity() < 1 << 20, "{codec:?}: {}", out.capacity());
    }
}

proptest! {
    #[test]
    fn any_chunking_gives_the_same_bytes(lines in 0usize..300, frame in 1usize..4000, piece in 1usize..3000, limit in 1usize..5000) {
        let plain = text(lines);
        for codec in ALL {
            let bytes = encode(codec, &plain, frame);
            prop_assert_eq!(decode(codec, &bytes, piece, limit).unwrap(), plain.clone());
        }
    }

    #[test]
    fn hostile_bytes_are_errors_not_panics(mut noise in prop::collection::vec(any::<u8>(), 0..3000), piece in 1usize..500, flip in any::<prop::sample::Index>()) {
        for codec in ALL {
            let _ = decode(codec, &noise, piece, 1 << 16);
            let mut bytes = encode(codec, &text(60), 400);
            let at = flip.index(bytes.len());
            bytes[at] ^= 0x55;
            let _ = decode(codec, &bytes, piece, 1 << 16);
        }
        for magic in [&b"LZ4Block"[..], b"\x82SNAPPY\0", b"ZV\x01", &[0x28, 0xB5, 0x2F, 0xFD], &[0x1F, 0x8B, 0x08]] {
            noise.splice(..0, magic.iter().copied());
            let _ = decode(Codec::detect(&noise), &noise, piece, 1 << 16);
        }
    }
}
