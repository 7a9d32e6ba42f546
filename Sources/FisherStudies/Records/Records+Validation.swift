import Foundation

// What no run, task or environment has; each check names the value by its place in the document.

extension RunRecord {
    func validate(_ place: String) throws(DocumentFault) {
        try status.validate("\(place).status")
        var last: CurvePoint?
        for (index, point) in curve.enumerated() {
            func at(_ name: String) -> String { "\(place).curve[\(index)].\(name)" }
            try DocumentLimits.requireCount(point.step, at("step"))
            try DocumentLimits.requireCount(point.tokens, at("tokens"))
            try DocumentLimits.requireTime(point.seconds, at("seconds"))
            for name in (point.measures ?? [:]).keys {
                try DocumentLimits.requireText(name, limit: DocumentLimits.name, at("measures"))
            }
            if let last, last.step > point.step {
                throw DocumentFault(at("step"), "is \(point.step) after \(last.step)")
            }
            last = point
        }
        try DocumentLimits.requireTime(forwardBackwardMilliseconds, "\(place).forwardBackwardMilliseconds")
        try DocumentLimits.requireTime(optimizerMilliseconds, "\(place).optimizerMilliseconds")
        try DocumentLimits.requireCount(stateBytes, "\(place).stateBytes")
        try load?.validate("\(place).load")
        if let sideBySide { try DocumentLimits.requireCount(sideBySide, "\(place).sideBySide") }
        try DocumentLimits.each(validationParts ?? [], "\(place).validationParts") {
            (_, _) throws(DocumentFault) in
        }
        try DocumentLimits.each(measures ?? [], "\(place).measures") {
            (measure, place) throws(DocumentFault) in
            try measure.validate(place)
        }
        try DocumentLimits.each(exhibits ?? [], "\(place).exhibits") {
            (exhibit, place) throws(DocumentFault) in
            try exhibit.validate(place)
        }
        var step = 0
        try DocumentLimits.each(
            information ?? [], "\(place).information", limit: 100 * DocumentLimits.items
        ) { (moment, place) throws(DocumentFault) in
            try DocumentLimits.requireCount(moment.step, "\(place).step")
            if moment.step < step { throw DocumentFault("\(place).step", "is \(moment.step) after \(step)") }
            step = moment.step
            for bin in moment.histogram.keys where abs(bin) > 10_000 {
                throw DocumentFault("\(place).histogram", "has the bin \(bin), which no number lies in")
            }
        }
    }
}

extension RunStatus {
    func validate(_ place: String) throws(DocumentFault) {
        switch self {
        case .completed: break
        case .diverged(let step, let reason):
            try DocumentLimits.requireCount(step, "\(place).step")
            try DocumentLimits.requireText(reason, "\(place).reason")
        case .interrupted(let step): try DocumentLimits.requireCount(step, "\(place).step")
        }
    }
}

extension Setting {
    func validate(_ place: String) throws(DocumentFault) {
        try DocumentLimits.requireText(name, limit: DocumentLimits.name, "\(place).name")
        try DocumentLimits.requireText(value, "\(place).value")
    }
}

extension TaskSummary {
    func validate(_ place: String) throws(DocumentFault) {
        try DocumentLimits.requireText(name, limit: DocumentLimits.name, "\(place).name")
        try DocumentLimits.requireText(description, "\(place).description")
        try DocumentLimits.requireText(lossUnit, limit: DocumentLimits.name, "\(place).lossUnit")
        try DocumentLimits.requireText(exampleUnit ?? "", limit: DocumentLimits.name, "\(place).exampleUnit")
        try DocumentLimits.requireText(data ?? "", limit: DocumentLimits.name, "\(place).data")
        try DocumentLimits.requireCount(parameterCount, "\(place).parameterCount")
        try DocumentLimits.each(settings, "\(place).settings") { (setting, place) throws(DocumentFault) in
            try setting.validate(place)
        }
    }
}

extension EnvironmentSummary {
    func validate(_ place: String) throws(DocumentFault) {
        try DocumentLimits.requireCount(threads, "\(place).threads")
        try DocumentLimits.requireText(threadChoice ?? "", "\(place).threadChoice")
        try DocumentLimits.requireText(command, "\(place).command")
        for (name, text) in [
            ("packageVersion", packageVersion), ("engineVersion", engineVersion),
            ("instructionSet", instructionSet), ("processorName", processorName), ("date", date),
            ("products", products ?? ""),
        ] {
            try DocumentLimits.requireText(text, limit: DocumentLimits.name, "\(place).\(name)")
        }
    }
}

extension RunDocument {
    /// The version of the layout that this package writes and reads.
    package static let currentFormatVersion = 1

    /// Reads `run.json`.
    ///
    /// - Throws: What Foundation and `StrictJSON` throw for what is no run's document, and `DocumentFault` for an unknown
    ///   version and for values that no run has.
    package init(json: some Sequence<UInt8>) throws {
        let data = Data(json)
        let version = try StoredJSON.decode(Version.self, from: data).formatVersion
        guard version == Self.currentFormatVersion else {
            throw DocumentFault(
                "formatVersion",
                "is \(version); this version of fisher reads version \(Self.currentFormatVersion)")
        }
        self = try StoredJSON.decode(Self.self, from: data)
        try validate()
    }

    private struct Version: Decodable {
        let formatVersion: Int
    }

    private func validate() throws(DocumentFault) {
        try task.validate("task")
        try environment.validate("environment")
        try DocumentLimits.requireText(label, limit: DocumentLimits.name, "label")
        try DocumentLimits.requireText(rule, limit: DocumentLimits.name, "rule")
        try DocumentLimits.requireText(dataFingerprint, limit: DocumentLimits.name, "dataFingerprint")
        try DocumentLimits.each(options, "options") { (setting, place) throws(DocumentFault) in
            try setting.validate(place)
        }
        for (key, value) in configuration {
            try DocumentLimits.requireText(key, limit: DocumentLimits.name, "a key of configuration")
            try DocumentLimits.requireText(value, "configuration.\(key)")
        }
        try DocumentLimits.requireCount(steps, "steps")
        if let savedStep { try DocumentLimits.requireCount(savedStep, "savedStep") }
        if let finiteStep { try DocumentLimits.requireCount(finiteStep, "finiteStep") }
        for (index, resume) in resumes.enumerated() {
            try DocumentLimits.requireCount(resume.step, "resumes[\(index)].step")
        }
        try record.validate("record")
    }
}
