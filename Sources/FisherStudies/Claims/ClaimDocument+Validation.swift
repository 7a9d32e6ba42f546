// What no verdict has; each check names the value by its place in the document.

extension ClaimFinding {
    func validate(_ place: String) throws(DocumentFault) {
        try DocumentLimits.requireText(answer, limit: DocumentLimits.name, "\(place).answer")
        try DocumentLimits.each(contrasts, "\(place).contrasts") {
            (contrast, place) throws(DocumentFault) in
            try contrast.validate(place)
        }
        try DocumentLimits.each(exhibits, "\(place).exhibits") { (exhibit, place) throws(DocumentFault) in
            try exhibit.validate(place)
        }
        try DocumentLimits.each(figures, "\(place).figures") { (figure, place) throws(DocumentFault) in
            try figure.validate(place)
        }
        try DocumentLimits.each(remarks, "\(place).remarks") { (remark, place) throws(DocumentFault) in
            try DocumentLimits.requireText(remark, limit: DocumentLimits.name, place)
        }
    }
}

extension ClaimContrast {
    func validate(_ place: String) throws(DocumentFault) {
        for (name, text) in [
            ("label", label), ("reference", reference), ("quantity", quantity), ("note", note),
        ] { try DocumentLimits.requireText(text, limit: DocumentLimits.name, "\(place).\(name)") }
        try DocumentLimits.each(seeds, "\(place).seeds") { (_, _) throws(DocumentFault) in }
        guard differences.count == seeds.count else {
            throw DocumentFault(
                "\(place).differences", "has \(differences.count) elements for \(seeds.count) seeds")
        }
        if let lower, let upper, !(lower <= upper) {
            throw DocumentFault("\(place).lower", "is \(lower), more than upper, \(upper)")
        }
    }
}

extension ClaimFigure {
    func validate(_ place: String) throws(DocumentFault) {
        for (name, text) in [
            ("title", title), ("caption", caption), ("horizontal.title", horizontal.title),
            ("vertical.title", vertical.title),
        ] { try DocumentLimits.requireText(text, limit: DocumentLimits.name, "\(place).\(name)") }
        try DocumentLimits.each(series, "\(place).series", limit: 100) {
            (series, place) throws(DocumentFault) in
            try DocumentLimits.requireText(series.label, limit: DocumentLimits.name, "\(place).label")
            try DocumentLimits.each(series.points, "\(place).points") { (_, _) throws(DocumentFault) in }
        }
    }
}
