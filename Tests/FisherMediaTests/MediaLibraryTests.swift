import Testing

@testable import FisherMedia

struct MediaLibraryTests {
    @Test func aLibraryThatIsNotThereIsNamed() {
        let error = #expect(throws: MediaError.self) { try MediaLibrary(path: "/nowhere/libnothing.so") }
        #expect(error?.description.contains("/nowhere/libnothing.so") == true)
    }

    @Test func functionsAreFoundByName() throws {
        #if os(Linux)
            let library = try MediaLibrary(path: "libc.so.6")
            _ = try library.symbol("strlen")
            let error = #expect(throws: MediaError.self) { try library.symbol("no_such_function") }
            #expect(error?.description.contains("no_such_function") == true)
        #endif
    }
}
