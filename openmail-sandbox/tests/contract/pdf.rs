//! As much of a PDF writer as the tests need, kept apart from the library that reads.

/// A file of these objects, numbered from 1, the first of which is its catalog.
pub(crate) fn file(objects: &[Vec<u8>]) -> Vec<u8> {
    let mut file = b"%PDF-1.4\n".to_vec();
    let mut table = format!("xref\n0 {}\n0000000000 65535 f \n", objects.len() + 1);
    for (at, object) in objects.iter().enumerate() {
        table += &format!("{:010} 00000 n \n", file.len());
        file.extend(format!("{} 0 obj\n", at + 1).bytes());
        file.extend(object);
        file.extend(b"\nendobj\n");
    }
    let trailer = format!("trailer\n<< /Size {} /Root 1 0 R >>\n", objects.len() + 1);
    let end = format!("{table}{trailer}startxref\n{}\n%%EOF\n", file.len());
    file.extend(end.bytes());
    file
}

/// One page that draws this.
pub(crate) fn page(content: &[u8]) -> Vec<u8> {
    drawing(&stream("", content))
}

/// One page that draws the content of this stream.
pub(crate) fn drawing(stream: &[u8]) -> Vec<u8> {
    let page = "<< /Type /Page /Parent 2 0 R /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>";
    file(&[
        "<< /Type /Catalog /Pages 2 0 R >>".into(),
        "<< /Type /Pages /Kids [3 0 R] /Count 1 /MediaBox [0 0 612 792] >>".into(),
        page.into(),
        stream.into(),
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>".into(),
    ])
}

pub(crate) fn stream(filter: &str, content: &[u8]) -> Vec<u8> {
    let head = format!("<< /Length {} {filter} >>\nstream\n", content.len());
    [head.as_bytes(), content, b"\nendstream"].concat()
}
