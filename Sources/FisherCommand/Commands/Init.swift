import ArgumentParser
import Fisher
import FisherFiles
import FisherTraining
import Foundation

/// `fisher init`: a package with a task, a model, a likelihood, a rule and a command of one's own.
struct Init: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "init",
        abstract: "Write a package with a task, a layer, a likelihood, a rule and a command of your own.",
        discussion: """
            The files are those of Examples/OwnTask, which learn how often one must try until a success: a place to put \
            your data, your model and your rule. The program that they build has all commands of this one. The article \
            "Your data, your model, your rule" walks through them.
            """)

    @Argument(help: "The name of the package and of its folder here: a Swift identifier, such as MyNetwork.")
    var name: String
    @Option(
        name: .customLong("path"),
        help: ArgumentHelp(
            "A checkout of swift-fisher on this machine to build on. Without it the manifest has a place for a URL.",
            valueName: "folder"))
    var checkout: String?

    func run() throws {
        if let complaint = Self.complaint(about: name) { throw UsageError(description: complaint) }
        if try DurableStorage.kind(of: name, followingLinks: false) != nil {
            throw StorageError(
                .cannotCreate, path: name, reason: "is there already: choose another name, or remove it")
        }
        let dependency = try checkout.map(Self.dependency) ?? Self.placeholder
        let files = Self.files(named: name, dependency: dependency)
        try DurableStorage.requireWritableFolder(".")
        // Whole or not at all: an interrupted command leaves no half of a package behind.
        let folder = try DurableStorage.makeTemporaryFolder(in: ".")
        do {
            for (path, text) in files {
                let target = folder + "/" + path
                try DurableStorage.makeFolder(DurableStorage.folder(of: target))
                try DurableStorage.replaceFile(at: target, with: Data(text.utf8))
            }
            try DurableStorage.moveFolder(folder, to: name)
        } catch {
            try? DurableStorage.removeFolder(folder)
            throw error
        }
        let program = Self.programName(of: name)
        print("\(name): a package of \(files.count) files")
        if checkout == nil { print("put the URL of swift-fisher into \(name)/Package.swift, and then") }
        print("    cd \(name) && swift build")
        print("    .build/debug/\(program) train waiting --rule lion --output runs/first")
    }

    /// The template's files under a package's name.
    static func files(named name: String, dependency: String) -> [(path: String, text: String)] {
        PackageTemplate.files.map { path, text in
            let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
            let own = lines.filter { !$0.contains("// Elsewhere: .package(url:") }.map { line in
                line.contains("dependencies: [.package(name:")
                    ? "    dependencies: [\(dependency)]," : String(line)
            }
            func renamed(_ text: String) -> String {
                text.replacing("OwnTask", with: name).replacing("own-task", with: programName(of: name))
            }
            return (
                renamed(path), path == "Package.swift" ? renamed(own.joined(separator: "\n")) : renamed(text)
            )
        }
    }

    /// The dependency where nobody said where the package lies.
    static let placeholder = #".package(url: "<URL of swift-fisher>", from: "0.1.0")"#

    /// The dependency on a checkout; throws if the folder holds none.
    private static func dependency(_ folder: String) throws -> String {
        let path = URL(filePath: folder).standardizedFileURL.path
        let manifest = path + "/Package.swift"
        var text = ""
        do throws(StorageError) {
            let data = try DurableStorage.readFile(at: manifest)
            text = String(decoding: data, as: UTF8.self)
        } catch {
            // What is not there or no file is no manifest.
            if error.kind == .permissionDenied { throw error }
        }
        guard text.contains(#"name: "swift-fisher""#) else {
            throw StorageError(
                .notFound, path: folder,
                reason: "is no checkout of swift-fisher: name its outermost folder with --path")
        }
        let quoted = path.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"")
        return #".package(name: "swift-fisher", path: "\#(quoted)")"#
    }

    /// The program's name: that of the package in small letters, words divided by hyphens.
    static func programName(of name: String) -> String {
        name.replacing(/([a-z0-9])([A-Z])/) { "\($0.1)-\($0.2)" }.replacing("_", with: "-").lowercased()
    }

    /// What is wrong with a package's name; nil if it can be one.
    static func complaint(about name: String) -> String? {
        guard name.wholeMatch(of: /[A-Za-z][A-Za-z0-9_]{0,63}/) != nil, name.last != "_" else {
            return
                "\"\(name.printable)\" cannot be the name of a package: give a letter and then letters, digits or underscores, such as MyNetwork"
        }
        if keywords.contains(name.lowercased()) {
            return "\(name) cannot be the name of a package, as it is a word of Swift: choose another"
        }
        let small = name.lowercased().replacing("_", with: "")
        if small.hasPrefix("fisher") || taken.contains(small) {
            return
                "\(name) cannot be the name of a package, as a module that it uses has that name: choose another"
        }
        return nil
    }

    private static let taken: Set = [
        "swift", "swiftfisher", "foundation", "glibc", "torch", "neuralnet", "ctorch", "ckernels", "cdigits",
        "cmedia",
        "argumentparser", "fuzz", "fuzzing", "testing", "synchronization",
    ]
    private static let keywords: Set = [
        "any", "as", "associatedtype", "async", "await", "borrowing", "break", "case", "catch", "class",
        "consuming",
        "continue", "default", "defer", "deinit", "do", "else", "enum", "extension", "fallthrough", "false",
        "fileprivate",
        "for", "func", "guard", "if", "import", "in", "init", "inout", "internal", "is", "let", "macro",
        "nil", "open",
        "operator", "package", "precedencegroup", "private", "protocol", "public", "repeat", "rethrows",
        "return", "self",
        "some", "static", "struct", "subscript", "super", "switch", "throw", "throws", "true", "try", "type",
        "typealias",
        "var", "where", "while",
    ]
}
