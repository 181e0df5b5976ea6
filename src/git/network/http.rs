//! `http.sslCAInfo` and `http.proxy`: gix reads them, its HTTP client has to be told.

use std::any::Any;
use std::sync::{Arc, Mutex};

use gix::error::ResultExt;
use gix::protocol::transport::client::blocking_io::http;

/// The options with a client that trusts the user's own CA and takes the user's proxy.
pub(super) fn with_certificates_and_proxy(mut options: Box<dyn Any>) -> Box<dyn Any> {
    let Some(http) = options.downcast_mut::<http::Options>() else {
        return options;
    };
    let (certificates, proxy) = (http.ssl_ca_info.clone(), http.proxy.clone());
    if certificates.is_none() && proxy.is_none() {
        return options;
    }
    let backend = http::reqwest::Options {
        configure_client: Some(Box::new(move |mut client| {
            if let Some(path) = &certificates {
                let pem = std::fs::read(path).or_raise(|| {
                    gix::error::message!("can't read http.sslCAInfo {}", path.display())
                })?;
                let bundle = reqwest::Certificate::from_pem_bundle(&pem).or_raise(|| {
                    gix::error::message!("no certificate in http.sslCAInfo {}", path.display())
                })?;
                client = client.tls_certs_merge(bundle);
            }
            match proxy.as_deref() {
                None => {}
                Some("") => client = client.no_proxy(),
                Some(proxy) => {
                    let proxy = reqwest::Proxy::all(proxy)
                        .or_raise(|| gix::error::message("http.proxy is no URL"))?;
                    client = client.proxy(proxy);
                }
            }
            Ok(client)
        })),
        configure_request: None,
    };
    http.backend = Some(Arc::new(Mutex::new(backend)));
    options
}
